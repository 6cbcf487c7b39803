import json

import pytest

from steering.adaptation import fast_gate
from steering.cli.main import main
from steering.models import loading
from steering.sweep import sweep_table
from tests.helpers.commands import document, refused


def test_sweep_writes_the_grid_that_was_asked_for(capsys, directions, tmp_path, own_cache):
    out = tmp_path / "grid.csv"
    found = document(
        capsys,
        *("sweep", "--json", "--directions", directions, "--grid", "flip:k=1|2,alpha=1|2"),
        *("--answer", "flip:k=1", "--prompts", "2", "--answered", "1", "--out", str(out)),
    )
    rows, facts = sweep_table.load(out)
    assert found == {"written": str(out), "cells": len(rows)}
    grid = [row for row in rows if "flip:k=1|2,alpha=1|2" in row["grids"]]
    assert [(row["k"], row["alpha"]) for row in grid] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(row["n"] == 2 for row in rows)
    assert [row["panel"] for row in rows if row["n_answered"]] == [
        row["panel"] for row in grid if (row["k"], row["alpha"]) == (1, 2)
    ]
    assert facts["provenance"]["prompts"].startswith("steering/prompts.jsonl sha256:")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--grid", "flip:k=1|999"), "k=999 is out of range"),
        (("--grid", "flip:k=1|x"), "not a whole number"),
        (("--grid", "flip:k=1"), "give --out FILE.csv"),
        (("--grid", "flip:k=1", "--out", "grid.parquet"), "must end in .csv"),
    ],
)
def test_a_bad_grid_is_told_before_the_model_is_loaded(
    capsys, directions, no_loading, options, says
):
    assert says in refused(capsys, "sweep", "--directions", directions, *options)


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [True, False])
def test_the_gate_is_measured_shown_and_kept(
    directions, tiny, monkeypatch, tmp_path, own_cache, capsys, as_json
):
    asked = []

    def load(name, *, speed, gate, **options):
        asked.append((name, speed, gate(None).parts, options["dtype"], options["device"]))
        return tiny

    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(fast_gate, "GATE_PROMPTS", 2)
    monkeypatch.setattr(fast_gate, "GATE_TOKENS", 4)
    out = tmp_path / "gate.json"
    command = ["gate", "--model", "tiny", "--directions", directions, "--out", str(out)]
    assert main([*command, *(["--json"] if as_json else [])]) == 0
    assert asked == [
        ("tiny", "exact", None, "float32", "cpu"),
        ("tiny", "fast", 1, "float32", "cpu"),
    ]
    document = json.loads(out.read_text())
    shown = capsys.readouterr().out
    if as_json:
        assert json.loads(shown) == document
    else:
        assert "States in one integer: passed" in shown
        assert "10 of 10 answers keep their verdict" in shown
