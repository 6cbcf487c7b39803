"""A model of four blocks to import for, in a cache of the test's own."""

from dataclasses import replace
from pathlib import Path

import pytest

from steering.artifacts import store
from steering.artifacts.export import export
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


@pytest.fixture
def bundle(model, tmp_path, fitted, charted) -> Path:
    """Directions and maps of the model, as they are exported."""
    store.write(tmp_path / "local", replace(fitted, model=model), {"seed": 42})
    store.write_maps(tmp_path / "local", charted)
    return export(model, tmp_path / "bundle.zip", folder=tmp_path / "local")
