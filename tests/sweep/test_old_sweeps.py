import csv
import hashlib
import io

import pytest

from steering.artifacts import folders
from steering.sweep import old_sweeps
from steering.sweep.sweep_table import SWEEP_COLUMNS, SWEEP_SHARES, TABLE, load
from steering.system import whole_files
from steering.verdicts.judgement import JUDGE_VERSION


def in_the_form_of_schema_1(path):
    """Write a table as the first version wrote it, with some of its verdicts."""
    rows, document = load(path)
    names = [
        "complied" if word == "answered" else "broken" if word == "not_judged" else word
        for name in SWEEP_COLUMNS
        if (word := name.removeprefix("harmful_").removeprefix("harmless_"))
    ]
    groups = [name.removesuffix(name.split("_", 1)[-1]) for name in SWEEP_COLUMNS]
    columns = {
        new: f"{group}{word}" if new.startswith(("harmful_", "harmless_")) else new
        for new, group, word in zip(SWEEP_COLUMNS, groups, names, strict=True)
    }
    dropped = {f"{group}_{word}" for group in ("harmful", "harmless") for word in NEW_SHARES}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([old for new, old in columns.items() if new not in dropped])
    for row in rows:
        row |= {"harmful_not_judged": 0.5, "harmful_looping": 0.25, "harmful_answered": 0.25}
        writer.writerow([row[new] for new in columns if new not in dropped])
    content = text.getvalue().encode()
    path.write_bytes(content)
    old = {key: value for key, value in document.items() if key != "judge_version"}
    old |= {"schema": 1, "table_sha256": hashlib.sha256(content).hexdigest()}
    whole_files.write_json(path.with_suffix(".json"), old)


NEW_SHARES = ("evaded", "gibberish")


def test_a_table_of_the_first_schema_is_read_with_the_verdicts_of_today(swept, tmp_path):
    swept("flip:k=1")
    path = tmp_path / "out.csv"
    before, document = load(path)
    assert document["judge_version"] == JUDGE_VERSION
    in_the_form_of_schema_1(path)
    after, converted = load(path)
    assert (converted["schema"], converted["judge_version"]) == (2, 1)
    for one, other in zip(before, after, strict=True):
        assert set(other) == set(SWEEP_COLUMNS)
        assert other["panel"] == one["panel"]
        assert other["harmful_score"] == one["harmful_score"]
        assert other["harmful_answered"] == 0.25
        # What was broken was not judged; what of it did not loop was no language.
        assert (other["harmful_not_judged"], other["harmful_gibberish"]) == (0.5, 0.25)
        assert other["harmful_evaded"] is None


def test_cells_that_did_not_answer_have_no_shares_in_either_form():
    old = {"panel": "flip", "harmful_broken": None, "harmful_looping": None}
    found = old_sweeps.row(old)
    assert {found[f"harmful_{word}"] for word in ("not_judged", "gibberish", "evaded")} == {None}


@pytest.mark.parametrize("model", folders.available())
def test_the_shipped_tables_are_read_with_shares_that_add_up(model):
    rows, document = load(folders.shipped(model) / TABLE)
    answered = [row for row in rows if row["n_answered"]]
    assert answered
    assert document["judge_version"] in range(1, JUDGE_VERSION + 1)
    for row in answered:
        for group in ("harmful", "harmless"):
            shares = {word: row[f"{group}_{word}"] or 0.0 for word in SWEEP_SHARES}
            degenerate = shares.pop("looping") + shares.pop("gibberish")
            assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
            if document["judge_version"] == 1:
                assert degenerate == pytest.approx(shares["not_judged"], abs=1e-5)
