"""What every pytest process needs; fixtures are in tiny_fixtures.py, models in families.py.

Nothing here may import torch, transformers or steering: with `-n`, the process that hands out the
tests runs none, and the workers start only when it has read this file.
"""

import pytest

FIRST = ("test_maps", "test_conversion")
"""Modules that begin with seconds of work which their tests share, as the users of `charted` do:
to compile UMAP takes 7 seconds, to convert a model 5 (measured)."""


SLOW = (
    "test_activations",
    "test_architectures",
    "test_artifact_checks",
    "test_catalog_models",
    "test_chat_judge",
    "test_command_line",
    "test_command_line_template",
    "test_console",
    "test_conversion",
    "test_downloads",
    "test_evaluation",
    "test_first_page",
    "test_generation",
    "test_load_errors",
    "test_loading",
    "test_paper_models",
    "test_precompute",
    "test_prequantized",
    "test_quick",
    "test_selection",
    "test_serving",
    "test_sweep",
    "test_tracing",
    "test_ui_typed",
    "test_weights",
)
"""Modules that start processes of their own, run whole commands or load many models: together they
take longer than all others (measured), and `make test-fast` leaves them out."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make test-fast` leaves out."""
    if item.path.stem in SLOW:
        item.add_marker("slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time check shapes, too: `make test` does, `make test-fast` does not."""
    parser.addoption("--shapes", action="store_true", help="check shapes and types at run time")


def pytest_configure(config: pytest.Config) -> None:
    """Load shape checks and fixtures, except in the process that only hands out the tests."""
    if config.getoption("dist", "no") == "no" or config.option.collectonly:
        if config.getoption("shapes"):
            config.pluginmanager.import_plugin("shape_checks")
        config.pluginmanager.import_plugin("tiny_fixtures")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those who share seconds of work first.

    `--dist worksteal` hands each worker a run of neighbours and takes from the end of another's
    only when one has nothing left: so one worker alone does that work, and early.
    """
    items.sort(key=lambda item: item.path.stem not in FIRST and "charted" not in item.fixturenames)
