import pytest

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
