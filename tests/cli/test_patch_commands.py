import json
from pathlib import Path

from steering.anatomy import patch_study
from steering.artifacts.patching_document import PATCHING_FILE
from tests.helpers.commands import document, refused


def test_patch_prints_what_it_writes(capsys, directions, tmp_path, own_cache, monkeypatch):
    monkeypatch.setattr(patch_study, "_sorted", lambda _model, some: [True] * len(some))
    out = tmp_path / "patching.json"
    arguments = ("--directions", directions, "--pairs", "2", "--out", str(out))
    found = document(capsys, "patch", "--json", *arguments)
    assert found.pop("written") == str(out)
    stored = json.loads(out.read_text())
    assert len(stored.pop("directions")) == 64
    assert stored == found
    assert found["n"] == 2
    assert len(found["pairs"]) == 2
    assert {"weights", "dtype", "prompts"} <= found["provenance"].keys()


def test_a_part_is_not_stored_as_if_it_were_the_whole(capsys, directions, own_cache, monkeypatch):
    monkeypatch.setattr(patch_study, "_sorted", lambda _model, some: [True] * len(some))
    found = document(capsys, "patch", "--json", "--directions", directions, "--pairs", "2")
    assert found["written"] is None
    assert not (Path(directions) / PATCHING_FILE).exists()


def test_mistakes_are_told_before_the_model_is_loaded(capsys, tmp_path, no_loading, own_cache):
    assert "directions" in refused(capsys, "patch", "--directions", str(tmp_path / "none"))


def test_a_model_that_tells_no_pair_apart_has_nothing_to_restore(
    capsys, directions, own_cache, monkeypatch
):
    monkeypatch.setattr(patch_study, "_sorted", lambda _model, some: [False] * len(some))
    assert "no refusal to restore" in refused(capsys, "patch", "--directions", directions)
