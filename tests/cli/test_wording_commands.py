import json
from pathlib import Path

from steering.artifacts.wording_document import WORDING_FILE
from tests.helpers.commands import document, refused


def test_wordings_prints_what_it_writes(capsys, directions, tmp_path, own_cache, monkeypatch):
    monkeypatch.setattr("steering.cli.wording_commands.TOKENS", 2)
    few = {"en": "English", "hi": "Hindi"}
    monkeypatch.setattr("steering.anatomy.wording_study.WORDINGS", few)
    out = tmp_path / "wordings.json"
    arguments = ("--directions", directions, "--limit", "2")
    found = document(capsys, "wordings", "--json", *arguments, "--out", str(out))
    assert found.pop("written") == str(out)
    stored = json.loads(out.read_text())
    assert len(stored.pop("directions")) == 64
    assert stored == found
    assert found["n"] == 2
    assert "wordings.jsonl sha256:" in found["provenance"]["prompts"]
    # A part is not stored as if it were the whole.
    again = document(capsys, "wordings", "--json", *arguments)
    assert again["written"] is None
    assert not (Path(directions) / WORDING_FILE).exists()


def test_mistakes_are_told_before_the_model_is_loaded(capsys, tmp_path, no_loading, own_cache):
    assert "directions" in refused(capsys, "wordings", "--directions", str(tmp_path / "none"))
