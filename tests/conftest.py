"""What every pytest process needs; fixtures are in tiny_fixtures.py, models in families.py.

Nothing here may import torch, transformers or steering: with `-n`, the process that hands out the
tests runs none, and the workers start only when it has read this file.
"""

import pytest

FIT_UMAP = ("test_maps",)
"""Modules that fit a real UMAP, beside the users of `charted`. Each process that does so
compiles it for 7 seconds (measured)."""


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures, except in the process that only hands out the tests."""
    if config.getoption("dist", "no") == "no" or config.option.collectonly:
        config.pluginmanager.import_plugin("tiny_fixtures")


def _fits_umap(item: pytest.Item) -> bool:
    return "charted" in item.fixturenames or item.path.stem in FIT_UMAP


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those who fit a UMAP first.

    `--dist worksteal` hands each worker a run of neighbours and takes from the end of another's
    only when one has nothing left: so one worker alone compiles UMAP, and early.
    """
    items.sort(key=lambda item: not _fits_umap(item))
