"""What every pytest process needs; fixtures are in tiny_fixtures.py, models in families.py.

Nothing here may import torch, transformers or steering: with `-n`, the process that hands out the
tests runs none, and the workers start only when it has read this file.
"""

import pytest

FIRST = ("test_maps", "test_conversion")
"""Modules that begin with seconds of work which their tests share, as the users of `charted` do:
to compile UMAP takes 7 seconds, to convert a model 5 (measured)."""


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
