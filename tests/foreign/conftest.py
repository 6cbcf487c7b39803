"""A model of four blocks to import for, in a cache of the test's own."""

from pathlib import Path

import pytest

from steering.artifacts import store
from tests.helpers import foreign


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path) -> str:
    return foreign.model_folder(tmp_path / "model")


@pytest.fixture
def made(tmp_path, fitted) -> Path:
    """The artifact of the tiny model, all of it there."""
    store.write(tmp_path / "made", fitted, {"seed": 42, "suffix": ["x"]})
    return tmp_path / "made"
