import csv
import hashlib
import io
import json
import math

import pytest

from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.sweep.sweep_table import (
    SWEEP_COLUMNS,
    SweepRow,
    interval_of,
    load,
    shares_of,
    summary,
)
from steering.system import whole_files
from steering.verdicts.judgement import JUDGE_VERSION
from tests.helpers.short_sweep import FACTS


def test_an_edit_that_breaks_the_model_leaves_its_measures_empty():
    scores = {"harmful_score": [1.0, -1.0], "harmless_score": [0.5, None]}
    found = summary({**scores, "kl": [0.1, None], "loss": [0.5, None]})
    assert found["harmful_rate"] == 0.5
    assert found.keys() & {"harmless_score", "harmless_rate", "kl", "loss", "perplexity"} == set()


def test_an_empty_answer_has_no_loss_and_spoils_none():
    scores = {"harmful_score": [1.0, -1.0], "harmless_score": [0.5, 0.5]}
    found = summary({**scores, "kl": [0.1, 0.1], "loss": [0.5, None]})
    assert (found["loss"], found["perplexity"]) == (0.5, pytest.approx(math.exp(0.5)))
    assert "loss" not in summary({**scores, "kl": [0.1, 0.1], "loss": [None, None]})


def test_a_row_has_the_table_s_columns_as_its_keys():
    assert list(SweepRow.__annotations__) == list(SWEEP_COLUMNS)


def test_a_measure_of_a_row_is_an_interval_over_its_prompts(swept):
    rows = swept("flip:k=1", "random:seed=3", generated=["flip:k=1"])
    for row in rows.values():
        found = interval_of(row, "harmful_rate")
        assert found["low"] <= found["estimate"] == row["harmful_rate"] <= found["high"]
        assert found["n"] == row["n"]
        assert interval_of({**row, "kl_low": None}, "kl") is None
        shares = shares_of(row)
        assert all(row[name] == share for name, share in shares.items())
        assert bool(shares) == (row["n_answered"] is not None)


def test_the_table_reads_back_as_it_was_returned(swept, tmp_path, fitted):
    rows = swept("flip:k=1", "random:seed=3", generated=["flip:k=1"])
    loaded, document = load(tmp_path / "out.csv")
    assert len(loaded) == len(rows)
    for entry in loaded:
        expected = rows[entry["panel"]]
        assert list(entry) == list(SWEEP_COLUMNS)
        for key, value in entry.items():
            if isinstance(expected[key], int | float):
                assert value == pytest.approx(expected[key], rel=1e-5)
            else:
                assert value == expected[key]
    assert document["provenance"] == FACTS
    assert document["settings"]["prompts"] == 3
    assert document["columns"].keys() == SWEEP_COLUMNS.keys()
    # A panel of the table is a panel of the app.
    assert str(parse(loaded[1]["panel"])) == loaded[1]["panel"]


def test_a_table_that_was_changed_or_is_of_another_run_is_refused(swept, tmp_path):
    swept("flip:k=1")
    path = tmp_path / "out.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"flip", b"flop", 1))
    with pytest.raises(SteeringError, match=r"out\.csv and the \.json beside it are broken"):
        load(path)
    path.write_bytes(content)
    document = json.loads(path.with_suffix(".json").read_text())
    whole_files.write_json(path.with_suffix(".json"), {**document, "schema": 0})
    with pytest.raises(SteeringError, match="not of schema 2"):
        load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(SteeringError, match="cannot be read"):
        load(path)


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
