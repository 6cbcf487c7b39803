"""What every pytest process needs; fixtures and tiny models are in helpers/.

Nothing here may import torch, transformers or steering: with `-n`, the process that hands out the
tests runs none, and the workers start only when it has read this file.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

FIRST = (
    "maps/test_model_maps",
    "maps/test_layer_map",
    "maps/test_umap_layout",
    "sources/test_gguf_conversion",
)
"""Modules that begin with seconds of work which their tests share, as the users of `charted` do:
to compile UMAP takes 7 seconds, to convert a model 5 (measured)."""


SLOW = (
    "inference/test_activations",
    "models/test_architectures",
    "interventions/test_tensor_checks",
    "sources/test_catalog_models",
    "chat_judges/test_local_judge",
    "cli/test_evaluate_commands",
    "cli/test_main",
    "cli/test_rendering_options",
    "cli/test_request_commands",
    "cli/test_study_commands",
    "system/test_console",
    "sources/test_gguf_conversion",
    "sources/test_gguf_download",
    "evaluation/test_evaluation",
    "ui/test_first_page",
    "ui/test_hosting",
    "ui/test_program_tool",
    "inference/test_generation",
    "checkpoints/test_load_errors",
    "models/test_loading",
    "models/test_paper_models",
    "test_precompute",
    "checkpoints/test_prequantized",
    "adaptation/test_quick_fit",
    "fitting/test_scoring",
    "serving/test_address",
    "sweep/test_cells",
    "sweep/test_sweep",
    "sweep/test_sweep_table",
    "maps/test_residual_trace",
    "ui/playground/test_typed_numbers",
    "sources/test_weights",
)
"""Modules that start processes of their own, run whole commands or load many models: together they
take longer than all others (measured), and `make test-fast` leaves them out."""


HAS_RAY = find_spec("ray") is not None
WITHOUT_RAY = "Ray is not installed here; `make test-ray` runs these where there are packages of it"

_TESTS = Path(__file__).parent


def _name(item: pytest.Item) -> str:
    return item.path.relative_to(_TESTS).with_suffix("").as_posix()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make test-fast` leaves out, and what has to be skipped without Ray."""
    if _name(item) in SLOW:
        item.add_marker("slow")
    if item.get_closest_marker("ray") and not HAS_RAY:
        item.add_marker(pytest.mark.skip(reason=WITHOUT_RAY))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time check shapes, too: `make test` does, `make test-fast` does not."""
    parser.addoption("--shapes", action="store_true", help="check shapes and types at run time")


def pytest_configure(config: pytest.Config) -> None:
    """Load shape checks and fixtures, except in the process that only hands out the tests."""
    if config.getoption("dist", "no") == "no" or config.option.collectonly:
        if config.getoption("shapes"):
            config.pluginmanager.import_plugin("tests.helpers.shape_checks")
        config.pluginmanager.import_plugin("tests.helpers.tiny_fixtures")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those who share seconds of work first.

    `--dist worksteal` hands each worker a run of neighbours and takes from the end of another's
    only when one has nothing left: so one worker alone does that work, and early.
    """
    items.sort(key=lambda item: _name(item) not in FIRST and "charted" not in item.fixturenames)
