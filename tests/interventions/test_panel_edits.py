from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.interventions.directions import Directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import DEFAULT_PANELS, parse

ALL_INPUTS = tuple((layer, "input") for layer in range(4))
ALL_PARTS = tuple((layer, part) for layer in range(4) for part in ("input", "attention", "mlp"))


def parts_of(layer: int) -> tuple:
    return tuple((layer, part) for part in ("input", "attention", "mlp"))


def test_nullspace_projection_and_flipping_differ_in_alpha_only(fitted):
    nullspace, flip = (parse(name).resolved(fitted) for name in ("nullspace", "flip"))
    assert (nullspace.alpha, flip.alpha) == (1.0, 2.0)
    assert replace(nullspace, name="flip", alpha=2.0) == flip


def test_the_baseline_has_no_edit(fitted):
    assert parse("baseline").edit(fitted) is None


@pytest.mark.parametrize(
    ("text", "sites"),
    [
        ("actadd", ((2, "input"),)),
        ("actadd:where=all", ALL_INPUTS),
        ("ablation", ALL_PARTS),
        ("ablation:where=source", parts_of(2)),
        ("nullspace", parts_of(1)),
        ("nullspace:where=all", ALL_PARTS),
        ("nullspace:where=source,layer=3", parts_of(3)),
        ("nullspace:side=harmful", ((1, "input"),)),
        ("nullspace:side=harmful,where=all", ALL_INPUTS),
        ("ablation:side=harmful", ALL_INPUTS),
        ("flip", ((1, "input"),)),
        ("flip:where=all", ALL_INPUTS),
        ("flip:alpha=1,layer=2", ((2, "input"),)),
        ("random", ((1, "input"),)),
        ("flip:sites=block", parts_of(1)),
        ("flip:sites=block,where=all", ALL_PARTS),
        ("flip:sites=input", ((1, "input"),)),
        ("flip:basis=dim,sites=block", parts_of(2)),
        ("nullspace:sites=input", ((1, "input"),)),
        ("ablation:sites=input,where=source", ((2, "input"),)),
        ("nullspace:side=harmful,sites=input", ((1, "input"),)),
    ],
)
def test_every_kind_of_panel_acts_at_its_sites(fitted, text, sites):
    assert parse(text).edit(fitted).sites == sites


def test_activation_addition_adds_c_times_the_raw_difference(fitted):
    edit = parse("actadd:c=-0.5,layer=3,position=-3").edit(fitted)
    assert len(edit.basis) == 0
    torch.testing.assert_close(edit.shift, -0.5 * fitted.raw((-3, 3)))
    assert edit.gate is None
    assert parse("actadd:c=0").edit(fitted).is_identity


@pytest.mark.parametrize("text", ["ablation", "nullspace:basis=dim", "flip:basis=dim"])
def test_the_dim_basis_is_the_unit_difference(fitted, text):
    edit = parse(text).edit(fitted)
    raw = fitted.raw(fitted.dim_point)
    torch.testing.assert_close(edit.basis, (raw / raw.norm())[None])
    assert not edit.shift.any()


def test_projections_take_the_first_k_inlp_directions_of_their_point(fitted):
    for text, point, k in (
        ("flip", (-1, 1), 2),
        ("nullspace:k=1", (-1, 1), 1),
        ("flip:k=3,layer=2,position=-2", (-2, 2), 3),
    ):
        edit = parse(text).edit(fitted)
        assert torch.equal(edit.basis, fitted.inlp[point].subspace.basis[:k])
    assert parse("flip").edit(fitted).alpha == 2.0
    assert parse("nullspace").edit(fitted).alpha == 1.0
    assert parse("ablation:alpha=0.25").edit(fitted).alpha == 0.25


@pytest.mark.parametrize("text", ["random:k=2,seed={}", "flip:basis=random,k=2,seed={}"])
def test_the_random_control_has_the_same_rank_and_another_subspace(fitted, text):
    found = [parse(text.format(seed)).edit(fitted) for seed in (0, 0, 1)]
    assert torch.equal(found[0].basis, found[1].basis)
    assert not torch.allclose(found[0].basis, found[2].basis)
    assert found[0].basis.shape == (2, 32)
    cosines = found[0].basis @ fitted.inlp[-1, 1].subspace.basis[:2].T
    assert torch.linalg.svdvals(cosines).max() < 0.9
    assert found[0].alpha == 2.0


def test_the_center_is_the_origin_or_the_midpoint_of_the_point(fitted):
    assert not parse("flip").edit(fitted).center.any()
    for text, basis, point in (
        ("flip:center=midpoint", "inlp", (-1, 1)),
        ("random:center=midpoint", "inlp", (-1, 1)),
        ("ablation:center=midpoint", "dim", (-2, 2)),
        ("flip:basis=dim,center=midpoint", "dim", (-2, 2)),
    ):
        assert torch.equal(parse(text).edit(fitted).center, fitted.midpoint(basis, point))


def test_the_gate_of_inlp_is_the_plane_of_its_first_classifier(fitted, states):
    edit = parse("flip:k=2,side=harmful").edit(fitted)
    assert torch.equal(edit.gate.normal, fitted.inlp[-1, 1].subspace.basis[0])
    assert edit.gate.offset == 0.0
    assert parse("flip").edit(fitted).gate is None


@pytest.mark.parametrize(
    "text", ["ablation:side=harmful", "actadd:side=harmful", "flip:basis=dim,side=harmful"]
)
def test_the_gate_of_difference_in_means_is_the_plane_through_the_midpoint(fitted, states, text):
    gate = parse(text).edit(fitted).gate
    harmful, harmless = (states[label][:, 1, 2].mean(0) for label in ("harmful", "harmless"))
    middle = (harmful + harmless) / 2
    assert float(gate.normal @ middle) == pytest.approx(gate.offset, abs=1e-4)
    assert float(gate.normal @ harmful) > gate.offset > float(gate.normal @ harmless)


def test_the_text_form_of_a_resolved_panel_makes_the_same_edit(fitted):
    for text in (*DEFAULT_PANELS[1:], "random", "flip:side=harmful,center=midpoint"):
        panel = parse(text)
        first, second = (
            panel.edit(fitted),
            parse(str(panel.resolved(fitted))).edit(fitted),
        )
        assert torch.equal(first.basis, second.basis)
        assert torch.equal(first.shift, second.shift)
        assert (first.alpha, first.sites) == (second.alpha, second.sites)


@pytest.mark.parametrize("text", ["flip:k={}", "nullspace:k={}", "random:k={}"])
def test_a_k_beyond_what_inlp_found_is_refused_with_the_allowed_range(fitted, text):
    rank = fitted.inlp[-1, 1].subspace.rank
    parse(text.format(rank)).edit(fitted)
    with pytest.raises(SteeringError, match=rf"k={rank + 1} .*directions 1 to {rank}"):
        parse(text.format(rank + 1)).edit(fitted)


def test_the_dim_basis_has_one_direction(fitted):
    with pytest.raises(SteeringError, match=r"k=2 .*difference in means .*directions 1 to 1"):
        parse("flip:basis=dim,k=2").edit(fitted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flip:layer=4", r"layer 4"),
        ("ablation:layer=4", r"layer 4 is out of range.*blocks 0 to 3"),
        ("actadd:layer=99", r"layer 99 is out of range.*blocks 0 to 3"),
        ("ablation:position=-9", r"position -9 is out of range"),
        ("flip:position=-3", r"INLP was not fitted at layer 1, position -3"),
        ("flip:layer=0", r"INLP was not fitted at layer 0.*layers 1 to 3"),
        ("ablation:layer=0", r"class means at layer 0.*choose a layer from 1"),
    ],
)
def test_a_point_without_directions_is_refused(fitted: Directions, text, message):
    with pytest.raises(SteeringError, match=message):
        parse(text).edit(fitted)


@pytest.mark.parametrize(("sites", "left"), [("block", False), ("input", True)])
def test_what_three_sites_remove_is_not_written_again_by_the_block(tiny, fitted, sites, left):
    point = fitted.inlp_point
    basis = fitted.inlp[point].subspace.leading(2).basis
    edit = parse(f"nullspace:k=2,sites={sites}").edit(fitted)
    with intervene(tiny, compile_edits([edit])):
        row = tiny.render("How do I pick a lock?")
        after = capture(tiny, [row], layers=[point[1] + 1], positions=[-1])[0, 0, 0]
    assert (float((after @ basis.T).abs().max()) > 1e-3) == left
