"""Reply inversion: steps along an axis beside random ones; what changes nothing moves nothing."""

import pytest
import torch

from steering.anatomy import reply_inversion
from steering.artifacts.resumable import Stages
from steering.interventions.panel import Panel


@pytest.fixture
def asked(shy, measured, few, tmp_path):
    stages = Stages(["a test"])
    stages.folder = tmp_path
    texts = {name: few.test[name][:2] for name in ("harmful", "harmless")}
    panels = [Panel("ablation"), Panel("flip", alpha=0.0)]
    return reply_inversion.inversion(shy, measured["axes"], panels, texts, stages)


def test_every_change_has_a_row_each_set_with_controls(asked):
    rows = {(row["name"], row["set"]) for row in asked["rows"]}
    names = ("harm", "refusal", "ablation", "flip:alpha=0")
    assert rows == {(name, kind) for name in names for kind in ("harmful", "harmless")}
    for row in asked["rows"]:
        assert row["judgement"]["random"]["seeds"] == 3
        moved = abs(row["judgement"]["change"]["estimate"])
        assert (moved > 0) == (row["name"] != "flip:alpha=0")
        assert row["judgement"]["change"]["n"] == 2


def test_steps_are_as_long_as_the_means_lie_apart_and_go_to_the_other_side(shy, measured):
    axes = measured["axes"]
    found = reply_inversion.changes(axes, shy.directions, [], {"harmful", "harmless"})
    for each in found:
        axis = axes[each.name]
        for edit in (each.edit, *each.controls):
            assert float(edit.shift.norm()) == pytest.approx(2 * axis["half"], rel=1e-4)
            assert edit.sites == ((axis["layer"], "input"),)
        along = float(each.edit.shift @ torch.tensor(axis["direction"]))
        assert (along > 0) == (each.set == "harmless")
