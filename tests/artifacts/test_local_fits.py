"""Where fits of this machine are kept, and which one serves."""

import json
import os

import pytest

from steering.artifacts import folders, local_fits


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(folders, "ROOT", tmp_path / "shipped")
    return tmp_path


def put(model: str, kind: str, age: int, **facts: object):
    folder = local_fits.root(model) / kind
    folder.mkdir(parents=True)
    path = folder / local_fits.MANIFEST
    path.write_text(json.dumps({"model": model, **facts}))
    os.utime(path, (10**9 - age, 10**9 - age))
    return folder


def test_the_newest_fit_serves_a_model_without_a_shipped_artifact(tmp_path):
    assert local_fits.newest("org/name") is None
    old, new = put("org/name", "float32-none-cpu", 9), put("org/name", "bfloat16-none-cpu", 1)
    assert local_fits.newest("org/name") == new != old
    assert folders.folder_of("org/name") == new
    assert local_fits.newest("another") is None


def test_the_shipped_artifact_comes_before_any_fit(tmp_path):
    put("tiny", "float32-none-cpu", 1)
    shipped = folders.shipped("tiny")
    assert folders.folder_of("tiny") != shipped
    shipped.mkdir(parents=True)
    (shipped / "manifest.json").write_text("{}")
    assert folders.folder_of("tiny") == shipped


def test_a_fit_belongs_to_the_weights_it_was_made_on():
    folder = put("tiny", "float32-none-cpu", 1, fingerprint="ab")
    assert local_fits.matching(folder, "ab") == folder
    assert local_fits.matching(folder, "cd") is None
    assert local_fits.matching(folder.parent / "none", "ab") is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model": 3}'])
def test_a_broken_manifest_is_no_fit(content):
    folder = put("tiny", "float32-none-cpu", 1, fingerprint="ab")
    assert local_fits.models() == ("tiny",)
    (folder / local_fits.MANIFEST).write_text(content)
    assert local_fits.matching(folder, "ab") is None
    assert local_fits.models() == ()


def test_models_with_a_fit_are_named_as_they_were_given():
    put("org/Name", "float32-none-cpu", 1)
    put("org/Name", "nf4-none-cuda", 1)
    put("tiny", "float32-none-cpu", 1)
    assert local_fits.models() == ("org/Name", "tiny")
