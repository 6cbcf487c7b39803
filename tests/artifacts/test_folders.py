"""Where the artifact of a model lies."""

from pathlib import Path

import pytest

from steering.artifacts import folders, local_fits
from steering.artifacts.folders import available, folder_of
from steering.system.whole_files import write_json


@pytest.fixture(autouse=True)
def root(monkeypatch, tmp_path) -> Path:
    """A folder of shipped artifacts, and a cache, of the test's own."""
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folders, "ROOT", tmp_path / "shipped")
    return tmp_path / "shipped"


def put(folder: Path, model: str = "tiny") -> Path:
    write_json(folder / local_fits.MANIFEST, {"model": model})
    return folder


@pytest.mark.parametrize("installed", [False, True])
def test_what_is_made_lies_in_a_checkout_or_in_the_cache_but_never_in_a_package(
    root, monkeypatch, tmp_path, installed
):
    monkeypatch.setattr(folders, "INSTALLED", installed)
    found = folders.made("org/Name")
    assert found == (
        tmp_path / "cache" / "fitted" / "org--name" / "precomputed"
        if installed
        else root / "org--name"
    )
    assert folder_of("org/Name") == root / "org--name"  # where it is looked for if there is none
    put(found, "org/Name")
    assert folder_of("org/Name") == found
    assert "org/Name" in (*available(), *local_fits.models())


def test_what_was_made_comes_before_what_came_with_the_package(root, monkeypatch):
    monkeypatch.setattr(folders, "INSTALLED", True)
    shipped = put(root / "tiny")
    put(local_fits.root("tiny") / "float32-none-cpu")
    assert folder_of("tiny") == shipped
    own = put(folders.made("tiny"))
    assert folder_of("tiny") == own
    monkeypatch.setattr(folders, "INSTALLED", False)
    assert folder_of("tiny") == shipped  # a checkout that shares the cache


def test_ids_and_paths_become_one_folder_name(root):
    assert folder_of("smollm2-135m-instruct") == root / "smollm2-135m-instruct"
    for name in ("Qwen/Qwen2.5-0.5B-Instruct", "/models/My Model.gguf", "../../elsewhere", "a\\b"):
        found = folder_of(name)
        assert found.parent == root
        assert found.name == found.name.lower()
        assert found.resolve().is_relative_to(root.resolve())
    assert folder_of("a/b") != folder_of("ab")
    assert folder_of("org/name/") == folder_of("org/name")


def test_models_are_available_by_their_names_where_there_is_a_manifest(root):
    for name in ("b", "org/A"):
        put(folders.shipped(name), name)
    (root / "empty").mkdir()
    assert available() == ("b", "org/A")
