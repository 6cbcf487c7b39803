"""Reply inversion: steps along an axis beside random ones; what changes nothing moves nothing."""

import numpy as np
import pytest
import torch

from steering.anatomy import reply_inversion
from steering.anatomy.separation import auc
from steering.artifacts.resumable import Stages
from steering.inference.metrics import refusal_score
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import Panel

PANELS = (Panel("ablation"), Panel("flip", alpha=0.0))


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    stages = Stages(["a test"])
    stages.folder = tmp_path_factory.mktemp("stages")
    return stages


@pytest.fixture(scope="module")
def texts(few):
    return {"harmful": few.test["harmful"][:2], "harmless": few.test["harmless"][:3]}


@pytest.fixture(scope="module")
def asked(shy, measured, texts, stages):
    return reply_inversion.inversion(shy, measured["axes"], PANELS, texts, stages)


def test_every_change_has_a_row_each_set_with_controls(asked):
    rows = {(row["name"], row["set"]) for row in asked["rows"]}
    names = ("harm", "refusal", "ablation", "flip:alpha=0")
    assert rows == {(name, kind) for name in names for kind in ("harmful", "harmless")}
    for row in asked["rows"]:
        assert row["judgement"]["random"]["seeds"] == 3
        moved = abs(row["judgement"]["change"]["estimate"])
        assert (moved > 0) == (row["name"] != "flip:alpha=0")
        assert row["judgement"]["change"]["n"] == {"harmful": 2, "harmless": 3}[row["set"]]


def test_steps_are_as_long_as_the_means_lie_apart_and_go_to_the_other_side(shy, measured):
    axes = measured["axes"]
    found = reply_inversion.changes(axes, shy.directions, [], {"harmful", "harmless"})
    for each in found:
        axis = axes[each.name]
        for edit in (each.edit, *each.controls):
            assert float(edit.shift.norm()) == pytest.approx(2 * axis["half"], rel=1e-4)
            assert edit.sites == ((axis["layer"], "input"),)
        direction = torch.tensor(axis["direction"])
        along = float(each.edit.shift @ direction)
        assert abs(along) == pytest.approx(2 * axis["half"], rel=1e-4)
        assert (along > 0) == (each.set == "harmless")
        assert each.strength == (1.0 if each.set == "harmless" else -1.0)
        # Random steps go elsewhere, each to another side.
        steps = torch.stack([edit.shift for edit in (each.edit, *each.controls)])
        cosines = torch.corrcoef(steps).fill_diagonal_(0.0)
        assert len(steps) == 4
        assert cosines.abs().max() < 0.9


def test_controls_of_a_panel_are_other_edits_than_its_own(shy, measured):
    (found,) = reply_inversion.changes({}, shy.directions, PANELS[:1], {"harmful"})
    assert (found.name, found.strength, len(found.controls)) == ("ablation", None, 3)
    own, *drawn = (each.basis for each in (found.edit, *found.controls))
    assert torch.allclose(own, PANELS[0].edit(shy.directions).basis)
    for index, basis in enumerate(drawn):
        assert basis.shape == own.shape
        assert not any(torch.allclose(basis, other) for other in (own, *drawn[:index]))


def read(model, texts, edit, *, question: str = "") -> np.ndarray:
    """Return next-token logits of requests under an edit, one prompt at a time."""
    found = []
    for text in texts:
        with intervene(model, compile_edits([edit], device=model.device)):
            found.append(model.next_token_logits([model.render(text + question)])[0])
    return torch.stack(found)


def test_judged_is_certainly_against_no_behind_the_request_and_refused_is_the_request_alone(
    shy, measured, texts
):
    model, behind = shy.model, f"\n\n{reply_inversion.QUESTION}"
    yes, no = (model.template.encode(word)[0] for word in ("Certainly", "No"))
    step = reply_inversion.changes(measured["axes"], shy.directions, [], {"harmful"})[0].edit
    seen = []
    for edit in (None, step):
        found = reply_inversion._read(model, texts["harmless"], edit)
        odds = read(model, texts["harmless"], edit, question=behind).log_softmax(-1)
        expected = (odds[:, yes] - odds[:, no]).tolist()
        assert found["judgement"] == pytest.approx(expected, abs=1e-4)
        alone = refusal_score(read(model, texts["harmless"], edit), model.opener_ids).tolist()
        assert found["refusal"] == pytest.approx(alone, abs=1e-4)
        seen += [*found["judgement"], *found["refusal"]]
    assert len({round(each, 3) for each in seen}) == len(seen)


def test_a_change_is_what_comes_after_less_what_was_before():
    before, after = np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.5, 5.5])
    found = reply_inversion._shift(before, after, [before + step for step in (2.0, -1.0, 0.5)])
    assert found["change"]["estimate"] == pytest.approx(1.0)
    assert found["change"]["low"] < 1.0 < found["change"]["high"]
    assert found["change"]["n"] == 3
    assert found["random"] == pytest.approx({"mean": 0.5, "low": -1.0, "high": 2.0, "seeds": 3})
    assert reply_inversion._shift(np.zeros(1), np.ones(1), [])["random"] is None
    assert reply_inversion._shift(np.zeros(1), np.ones(1), [])["change"]["estimate"] == 1.0


def test_every_row_is_its_own_change_on_its_own_set(shy, measured, texts, asked):
    model = shy.model
    tried = reply_inversion.changes(measured["axes"], shy.directions, PANELS, set(texts))
    untouched = {name: reply_inversion._read(model, each, None) for name, each in texts.items()}
    for change, row in zip(tried, asked["rows"], strict=True):
        assert [row["name"], row["set"]] == [change.name, change.set]
        assert row["strength"] == change.strength
        reads = [
            reply_inversion._read(model, texts[change.set], edit)
            for edit in (change.edit, *change.controls)
        ]
        for kind in ("judgement", "refusal"):
            before = np.array(untouched[change.set][kind])
            moved = [float((np.array(each[kind]) - before).mean()) for each in reads]
            assert row[kind]["change"]["estimate"] == pytest.approx(moved[0], abs=1e-5)
            random = row[kind]["random"]
            expected = {"mean": np.mean(moved[1:]), "low": min(moved[1:]), "high": max(moved[1:])}
            assert random == pytest.approx({**expected, "seeds": 3}, abs=1e-5)
    judged = {name: each["judgement"] for name, each in untouched.items()}
    for name, values in judged.items():
        assert asked["untouched"][name]["estimate"] == pytest.approx(np.mean(values), abs=1e-5)
        assert asked["untouched"][name]["n"] == len(values)
    every, harmful = np.concatenate([*judged.values()]), np.arange(5) < 2
    assert auc(every, harmful) != 0.5
    assert asked["auc"]["estimate"] == auc(every, harmful)
    assert asked["auc"]["n"] == 5


def test_what_is_kept_is_of_these_axes_and_these_requests(
    shy, measured, few, texts, asked, stages, monkeypatch
):
    axes = measured["axes"]
    swapped = {"harm": axes["refusal"], "refusal": axes["harm"]}
    others = {name: few.test[name][3 : 3 + len(each)] for name, each in texts.items()}
    for wrong in ((swapped, texts), (axes, others)):
        assert reply_inversion.inversion(shy, wrong[0], PANELS, wrong[1], stages) != asked
    monkeypatch.setattr(reply_inversion, "_read", None)
    assert reply_inversion.inversion(shy, axes, PANELS, texts, stages) == asked
