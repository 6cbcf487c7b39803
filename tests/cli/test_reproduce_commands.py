import json
from pathlib import Path

import pytest

from steering import precompute
from steering.artifacts import recipe, store
from steering.artifacts.resumable import Stages, afresh
from steering.cli import (
    capability_commands,
    evaluate_commands,
    harm_commands,
    patch_commands,
    study_commands,
    wording_commands,
)
from steering.data.splits import PromptSplits
from steering.models import loading
from tests.helpers.commands import document, refused
from tests.helpers.short_precompute import few_splits, make_short


@pytest.fixture
def artifact(tiny, monkeypatch, tmp_path) -> Path:
    """A short artifact of the tiny model, with its recipe."""
    few = few_splits()
    monkeypatch.setattr(PromptSplits, "own", lambda: few)
    make_short(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    folder = tmp_path / "made"
    precompute.fit_all(tiny, few, folder, sizes=(16, 32))
    recipe.write_recipe(folder, tiny.name, {})
    return folder


def test_what_is_made_again_here_is_the_same_and_what_was_changed_is_told(
    artifact, capsys, tmp_path, tiny
):
    asked = ("reproduce", "--json", "--model", tiny.name, "--directions", str(artifact))
    both = ("--only", "directions", "--only", "maps")
    found = document(capsys, *asked, *both)
    assert (found["made"], found["altered"]) == ({}, [])
    assert list(found["parts"]) == ["directions", "maps"]
    files = [each for part in found["parts"].values() for each in part]
    assert {each["file"] for each in files} == {
        *("directions.safetensors", "controls.safetensors", "manifest.json", "maps.safetensors")
    }
    assert [each["file"] for each in files if not each["identical"]] == []

    manifest = json.loads((artifact / "manifest.json").read_text())
    changed = manifest | {"default_c": manifest["default_c"] + 0.5, "threads": 77}
    (artifact / "manifest.json").write_text(json.dumps(changed))
    found = document(capsys, *asked, "--only", "directions", "--out", str(tmp_path / "again"))
    assert found["made"]["threads"][0] == "77"
    assert found["altered"] == ["manifest.json"]
    (entry,) = (e for e in found["parts"]["directions"] if e["file"] == "manifest.json")
    assert {"default_c", "threads"} <= {change["path"] for change in entry["changes"]}
    assert (tmp_path / "again" / "directions.safetensors").is_file()


@pytest.mark.parametrize(
    ("part", "module", "name", "file"),
    [
        ("evaluation", evaluate_commands, "evaluate", "evaluation.json"),
        ("sweep", study_commands, "run", "sweep.csv"),
        ("transfer", study_commands, "transfer", "transfer.json"),
        ("capability", capability_commands, "run", "capability.json"),
        ("harm", harm_commands, "run", "harm.json"),
        ("patch", patch_commands, "run", "patching.json"),
        ("wordings", wording_commands, "run", "wordings.json"),
    ],
)
def test_every_other_part_is_made_by_its_own_command(
    directions, capsys, monkeypatch, tmp_path, part, module, name, file
):
    asked = []

    def made(options):
        asked.append(options)
        options.out.write_text(text.replace("0.25", "0.5"))

    text = "panel,kl\nflip,0.25\n" if file.endswith("csv") else '{"kl": 0.25}'
    (Path(directions) / file).write_text(text)
    monkeypatch.setattr(module, name, made)
    found = document(
        capsys,
        *("reproduce", "--json", "--model", "tiny", "--directions", directions),
        *("--only", part, "--out", str(tmp_path / "again")),
    )
    (entry,) = found["parts"][part]
    assert (entry["file"], entry["changed"], entry["largest"]) == (file, 1, 0.25)
    (options,) = asked
    assert (options.model, options.directions) == ("tiny", Path(directions))
    assert list(found["parts"]) == [part]


def test_a_quick_fit_is_not_made_again_by_what_chooses_everything(fitted, capsys, tmp_path):
    store.write(tmp_path, fitted, {"quick": True})
    asked = ("reproduce", "--model", "tiny", "--directions", str(tmp_path))
    assert "was made with --quick" in refused(capsys, *asked)


def test_a_part_that_is_not_there_is_refused(artifact, capsys, tiny):
    asked = ("reproduce", "--model", tiny.name, "--directions", str(artifact))
    assert "has no transfer to compare with" in refused(capsys, *asked, "--only", "transfer")


def test_work_that_is_done_afresh_takes_nothing_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    kept = Stages(["work"])
    kept.lines("a", ["x"], lambda _: {"value": 1})
    with afresh():
        new = Stages(["work"])
        assert new.lines("a", ["x"], lambda _: {"value": 2}) == [{"value": 2}]
        assert new.folder != kept.folder
    assert not new.folder.exists()
    assert Stages(["work"]).lines("a", ["x"], lambda _: {"value": 3}) == [{"value": 1}]

    def stopped(key: str) -> dict:
        if key == "y":
            raise KeyboardInterrupt
        return {"value": 4}

    with pytest.raises(KeyboardInterrupt), afresh():
        Stages(["work"]).lines("a", ["x", "y"], stopped)
    with afresh():
        assert Stages(["work"]).lines("a", ["x"], lambda _: {"value": 5}) == [{"value": 4}]


@pytest.mark.parametrize(
    ("panels", "rows", "erasers"),
    [(["baseline", "ace:c=0"], 7, True), (["baseline", "flip:k=2"], 9, False)],
)
def test_an_evaluation_is_made_again_as_it_was_measured(
    directions, capsys, monkeypatch, tmp_path, panels, rows, erasers
):
    """Batches decide rounding; erasers are arms that nobody would find missing."""
    asked = []

    def made(options):
        asked.append(options)
        options.out.write_text("{}")

    stored = {"panels": [{"panel": each} for each in panels], "rows_per_batch": rows}
    (Path(directions) / "evaluation.json").write_text(json.dumps(stored))
    monkeypatch.setattr(evaluate_commands, "evaluate", made)
    line = ("reproduce", "--json", "--model", "tiny", "--directions", directions)
    document(capsys, *line, "--only", "evaluation", "--out", str(tmp_path / "again"))
    assert [(each.rows, each.erasers) for each in asked] == [(rows, erasers)]
