import json
import math

import pytest

from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.sweep.sweep_table import (
    SWEEP_COLUMNS,
    TABLE,
    SweepRow,
    interval_of,
    load,
    measured_in,
    shares_of,
    summary,
    write,
)
from steering.system import whole_files
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


def test_the_format_of_a_table_is_told_and_that_of_none_or_of_one_that_names_none_is_not(tmp_path):
    assert measured_in("tiny", tmp_path) is None
    for provenance, told in (({"dtype": "bfloat16"}, "bfloat16"), ({}, None)):
        write(tmp_path / TABLE, [], {"settings": {}, "provenance": provenance})
        assert measured_in("tiny", tmp_path) == told
