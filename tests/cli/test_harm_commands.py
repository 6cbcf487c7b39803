import json
from dataclasses import replace
from pathlib import Path

from tests.helpers.commands import document, refused


def test_a_model_that_never_opens_with_a_refusal_is_told_so(capsys, directions, own_cache):
    found = refused(capsys, "harm", "--directions", directions, "--limit", "8")
    assert "needs 8 training prompts" in found


def test_it_prints_what_it_writes_and_a_part_is_not_stored_as_the_whole(
    capsys, directions, tmp_path, own_cache, monkeypatch
):
    def shy(model, _table):
        size = model.network.config.vocab_size
        return replace(model, openers={str(number): number for number in range(0, size, 2)})

    monkeypatch.setattr("steering.maps.steerable_model.opened", shy)
    arguments = ("--directions", directions, "--limit", "40", "--asked", "1")
    out = tmp_path / "harm.json"
    found = document(capsys, "harm", "--json", *arguments, "--out", str(out))
    assert found.pop("written") == str(out)
    stored = json.loads(out.read_text())
    assert len(stored.pop("directions")) == 64
    assert stored == found
    assert {"axes", "points", "inversion", "provenance"} <= found.keys()
    again = document(capsys, "harm", "--json", *arguments)
    assert again["written"] is None
    assert again["points"] == found["points"]
    assert not (Path(directions) / "harm.json").exists()
