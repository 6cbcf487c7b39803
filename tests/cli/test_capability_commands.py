import json
from pathlib import Path

from tests.helpers.commands import document, refused

ROWS = [
    {"question": "2 + 2?", "choices": ["3", "4"], "answer": "B", "area": "arithmetic"},
    {"question": "Which is red?", "choices": ["a rose", "a leaf"], "answer": "A"},
    {"question": "x = ", "choices": ["1", "=="], "answer": "A", "area": "completion"},
]


def own(tmp_path) -> str:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return str(path)


def test_capability_prints_what_it_writes(capsys, directions, tmp_path, own_cache):
    out = tmp_path / "table.json"
    found = document(
        capsys,
        *("capability", "--json", "--directions", directions, "--questions", own(tmp_path)),
        *("--panel", "flip:k=2", "--panel", "ace", "--out", str(out)),
    )
    assert found.pop("written") == str(out)
    stored = json.loads(out.read_text())
    assert len(stored.pop("directions")) == 64
    assert stored == found
    assert [row["panel"] for row in found["panels"]] == ["baseline", "flip:k=2", "ace"]
    for row in found["panels"]:
        assert (row["questions"]["n"], row["completions"]["n"]) == (2, 1)
        assert row["areas"].keys() == {"arithmetic", "own"}
        assert row["refused"] is None
        assert row["on_front"] is None
    assert found["source"].startswith("mine.jsonl sha256:")
    assert {"weights", "dtype", "prompts"} <= found["provenance"].keys()


def test_a_part_is_not_stored_as_if_it_were_the_whole(capsys, directions, own_cache):
    arguments = ("--directions", directions, "--limit", "1", "--panel", "flip")
    found = document(capsys, "capability", "--json", *arguments)
    assert found["written"] is None
    assert [row["questions"]["n"] for row in found["panels"]] == [4, 4]
    assert [row["completions"]["n"] for row in found["panels"]] == [1, 1]
    assert not (Path(directions) / "capability.json").exists()


def test_mistakes_are_told_before_the_model_is_loaded(
    capsys, directions, tmp_path, no_loading, own_cache
):
    (tmp_path / "bad.jsonl").write_text('{"question": "q"}')
    arguments = (
        "capability",
        "--directions",
        directions,
        "--questions",
        str(tmp_path / "bad.jsonl"),
    )
    assert "line 1" in refused(capsys, *arguments)
    assert "needs their covariance" in refused(
        capsys, "capability", "--directions", directions, "--panel", "leace"
    )
