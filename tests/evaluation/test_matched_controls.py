from dataclasses import replace

import pytest
import torch

from steering.evaluation.matched_controls import equal_step, matched, shortest
from steering.interventions.panel import parse

EDITS = (
    *("flip:k=2", "flip:k=1,sites=block", "nullspace:k=2", "nullspace:k=3,where=all"),
    *("ablation", "ablation:where=source", "actadd:c=2", "flip:basis=dim"),
    *("leace", "leace:alpha=0.5,where=all", "ace", "ace:c=1", "alterrep:k=2,c=1", "alterrep"),
    *("flip:basis=dim,layer=1,position=-1", "flip:k=2,side=harmful", "flip:k=2,center=midpoint"),
)


@pytest.mark.parametrize("text", EDITS)
def test_a_matched_control_differs_in_its_directions_alone(controlled, text):
    fitted = controlled
    edit = parse(text).edit(fitted)
    found = matched(parse(text), fitted)
    assert [panel.seed for panel in found] == [0, 1, 2, 3, 4]
    bases = set()
    for panel in found:
        drawn = panel.edit(fitted)
        assert (drawn.sites, drawn.alpha, drawn.basis.shape) == (
            edit.sites,
            edit.alpha,
            edit.basis.shape,
        )
        assert (drawn.gate is None) == (edit.gate is None)
        assert torch.equal(drawn.center, edit.center)
        assert (drawn.reader is None, drawn.push) == (edit.reader is None, edit.push)
        torch.testing.assert_close(drawn.shift.norm(), edit.shift.norm())
        bases.add(str(drawn.basis.tolist() or drawn.shift.tolist()))
        assert str(edit.basis.tolist() or edit.shift.tolist()) not in bases
    assert len(bases) == 5


def test_texts_stay_short(fitted):
    assert [str(matched(parse(text), fitted)[0]) for text in ("flip:k=2", "ablation")] == [
        "flip:k=2,basis=random,seed=0",
        "ablation:basis=random,seed=0",
    ]
    assert str(shortest(parse("flip:k=2,alpha=2,layer=1"), fitted)) == "flip:k=2"
    assert str(shortest(parse("flip:k=2,alpha=1,layer=2"), fitted)) == "flip:k=2,alpha=1,layer=2"


@pytest.mark.parametrize("text", ["baseline", "flip:basis=random", "actadd:basis=covariance"])
def test_what_is_a_control_needs_none(fitted, text):
    assert matched(parse(text), fitted) == ()


@pytest.mark.parametrize("text", ["flip:k=2", "nullspace:k=1"])
def test_random_edits_of_equal_step_move_states_as_far(controlled, states, text):
    panel = parse(text)
    position, layer = controlled.inlp_point
    both = torch.cat([states[name] for name in ("harmful", "harmless")])
    at = both[:, controlled.positions.index(position), layer].double()

    def step(each) -> float:
        edit = each.edit(controlled)
        moved = edit.alpha * (at @ edit.basis.double().T)
        return float((moved**2).sum(1).mean() ** 0.5)

    found = equal_step(panel, controlled, seeds=4)
    assert len(found) == 4
    for each in found:
        assert step(each) == pytest.approx(step(panel), rel=0.02)
    # At the same alpha they do not.
    same = [step(each) / step(panel) for each in matched(panel, controlled)]
    assert max(abs(ratio - 1) for ratio in same) > 0.1


def test_steps_are_not_equalled_without_the_states_or_beyond_the_largest_alpha(fitted, controlled):
    assert equal_step(parse("flip:k=2"), fitted) == ()
    assert equal_step(parse("actadd:c=1"), controlled) == ()
    shape = controlled.controls.shapes[controlled.inlp_point]
    along = controlled.inlp[controlled.inlp_point].subspace.basis[0]
    far = replace(shape, mean=1000 * along, spread=0 * shape.spread, rest=shape.rest)
    shapes = {**controlled.controls.shapes, controlled.inlp_point: far}
    alone = replace(controlled, controls=replace(controlled.controls, shapes=shapes))
    found = equal_step(parse("flip:k=1"), alone, seeds=20)
    assert len(found) < 20
    assert all(panel.alpha <= 3 for panel in found)
