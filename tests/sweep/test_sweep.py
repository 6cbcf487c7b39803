import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from steering.artifacts import resumable, store
from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.models.inspection import inspect
from steering.sweep import cells, sweep, sweep_table
from steering.sweep.grids import expand
from steering.sweep.sweep import run_sweep
from tests.helpers.kill import killed, traced
from tests.helpers.short_sweep import FACTS, FEW_POINTS, SMALL, full

CODE = (sweep, cells, resumable, store)


# What is measured


def test_without_a_choice_the_reference_points_answer(tiny, fitted, splits, tmp_path):
    rows = run_sweep(
        SteerableModel(tiny, fitted),
        splits,
        tmp_path / "out.csv",
        provenance=FACTS,
        grid={},
        settings=SMALL,
    )
    assert [row["label"] for row in rows] == list(FEW_POINTS)
    for row in rows:
        shares = [row[f"harmful_{verdict}"] for verdict in sweep_table.SWEEP_VERDICTS]
        assert sum(shares) == pytest.approx(1.0)


# The table


def test_a_cell_of_several_grids_stands_in_the_table_once(swept, fitted):
    rows = swept(
        one=expand("flip:k=1|2"), two=[parse("flip:alpha=2,k=1"), parse("flip:k=1,alpha=2")]
    )
    assert rows[full("flip:k=1", fitted)]["grids"] == "one; two"
    assert rows[full("flip:k=2", fitted)]["grids"] == "one; reference"
    assert rows[full("flip:k=2", fitted)]["label"] == "counterfactual flipping"


@pytest.mark.parametrize(
    "text", ["flip:k=99", "flip:layer=9", "actadd:layer=99", "flip:position=-9"]
)
def test_a_panel_that_does_not_fit_is_refused_before_anything_runs(tiny, swept, text):
    def never(*_):
        raise AssertionError("the model ran")

    handle = tiny.network.register_forward_pre_hook(never)
    try:
        with pytest.raises(SteeringError):
            swept("flip", text)
    finally:
        handle.remove()


# Stopping and going on


PANELS = ("flip:k=1", "flip:k=2", "nullspace:k=2", "actadd:c=1", "ablation", "flip:layer=3")
PANELS += ("flip:alpha=0.5", "flip:alpha=1", "nullspace:k=1")


def files_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.glob("out.*")}


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_at_random_points_and_goes_on_gives_the_same_bytes(
    swept, monkeypatch, tmp_path, seed
):
    def run(name: str) -> None:
        swept(*PANELS, generated=PANELS[:2], name=f"{name}/out.csv")

    chance = random.Random(seed)
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    lines = traced(lambda: run("whole"), CODE)
    expected = files_of(tmp_path / "whole")
    assert sorted(expected) == ["out.csv", "out.json"]

    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "second"))
    kills = 0
    while killed(lambda: run("pieces"), CODE, chance.randint(1, lines - 1)):
        kills += 1
        # What is there under its own name is whole.
        assert files_of(tmp_path / "pieces").items() <= expected.items()
    assert kills > 0
    assert files_of(tmp_path / "pieces") == expected


def test_ctrl_c_leaves_no_table_and_the_next_run_does_only_the_rest(swept, monkeypatch, tmp_path):
    swept(*PANELS, name="whole.csv")
    expected = (tmp_path / "whole.csv").read_bytes()
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "second"))
    real, groups = cells.Cells._measure, []

    def counted(self, layer, cells):
        groups.append([str(cell) for cell in cells])
        if len(groups) == 3:
            raise KeyboardInterrupt
        return real(self, layer, cells)

    monkeypatch.setattr(cells.Cells, "_measure", counted)
    with pytest.raises(KeyboardInterrupt):
        swept(*PANELS)
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.json").exists()
    swept(*PANELS)
    assert (tmp_path / "out.csv").read_bytes() == expected
    assert groups[2] == groups[3]
    assert len({json.dumps(group) for group in groups}) == len(groups) - 1


def test_a_table_that_cannot_be_replaced_stays_as_it_was(swept, monkeypatch, tmp_path):
    swept("flip:k=1")
    before = files_of(tmp_path)

    def full_disk(*_):
        raise OSError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full_disk)
        with pytest.raises(SteeringError, match="could not be written"):
            swept("flip:k=1", "flip:k=2", "ablation")
    assert files_of(tmp_path) == before


def test_a_finished_run_does_not_touch_the_model(tiny, swept, tmp_path):
    swept(*PANELS, generated=["flip"])
    before = files_of(tmp_path)

    def never(*_):
        raise AssertionError("the model ran")

    handle = tiny.network.register_forward_pre_hook(never)
    try:
        swept(*PANELS, generated=["flip"])
    finally:
        handle.remove()
    assert files_of(tmp_path) == before


def test_other_directions_settings_or_provenance_are_other_work(
    tiny, fitted, splits, swept, tmp_path
):
    def folders() -> int:
        return len(list((tmp_path / "cache" / "precompute").iterdir()))

    def run(directions=fitted, provenance=FACTS, settings=SMALL) -> None:
        run_sweep(
            SteerableModel(tiny, directions),
            splits,
            tmp_path / "out.csv",
            provenance=provenance,
            grid={"one": [parse("flip:k=1")]},
            generated=[],
            settings=settings,
        )

    run()
    assert folders() == 1
    run(directions=replace(fitted, difference=fitted.difference * 1.5))
    run(directions=replace(fitted, default_c=2.5))
    run(provenance={**FACTS, "seed": 43})
    run(settings=replace(SMALL, prompts=2))
    assert folders() == 5
    run()
    assert folders() == 5


def test_other_weights_in_the_same_folder_are_swept_anew(tiny, own_copy, fitted, splits, tmp_path):
    network, tokenizer = own_copy(tiny)
    network.model.layers[0].mlp.down_proj.weight.data.mul_(-1)
    found = [
        run_sweep(
            SteerableModel(model, fitted),
            splits,
            tmp_path / "out.csv",
            provenance=FACTS,
            grid={"some": [parse("flip:k=1")]},
            generated=[],
            settings=SMALL,
        )
        for model in (tiny, inspect(tiny.name, network, tokenizer))
    ]
    assert found[0] != found[1]
