from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.interventions.directions import Directions
from steering.interventions.edits import alike, compile_edits, intervene
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


# More erasers; what LEACE reads with is in test_leace.


def at_input(edit, states: torch.Tensor) -> torch.Tensor:
    """States as they are after an edit at a block's input."""
    return compile_edits([edit])[edit.sites[0]](states[None])[0]


@pytest.mark.parametrize(("c", "there"), [(0.0, "harmless"), (1.0, "harmful"), (0.5, "between")])
def test_ace_puts_every_state_where_a_class_lies_along_the_direction(fitted, states, c, there):
    edit = parse(f"ace:c={c}").edit(fitted)
    harmful, harmless = (states[label][:, 1, 2] for label in ("harmful", "harmless"))
    means = {"harmful": harmful.mean(0), "harmless": harmless.mean(0)}
    means["between"] = (means["harmful"] + means["harmless"]) / 2
    along = edit.basis[0]
    assert float(along @ (means["harmful"] - means["harmless"])) > 0.1
    for each in (harmful, harmless):
        found = at_input(edit, each) @ along
        torch.testing.assert_close(
            found, (means[there] @ along).expand(len(each)), atol=1e-4, rtol=0
        )
    # The mean of a class becomes that of the other: nothing else tells the means apart.
    own = {"harmful": "harmless", "harmless": "harmful"}.get(there)
    if own:
        moved = at_input(edit, means[own][None])[0]
        torch.testing.assert_close(moved, means[there], atol=1e-4, rtol=1e-4)
        about_zero = replace(edit, center=torch.zeros_like(edit.center))
        assert not torch.allclose(
            at_input(about_zero, means[own][None])[0], means[there], atol=0.01
        )


@pytest.mark.parametrize("c", [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
def test_alterrep_puts_every_component_on_the_side_that_is_wished_for(fitted, states, c):
    edit = parse(f"alterrep:k=3,c={c}").edit(fitted)
    both = torch.cat([states[label][:, 2, 1] for label in ("harmful", "harmless")])
    before, after = both @ edit.basis.T, at_input(edit, both) @ edit.basis.T
    torch.testing.assert_close(after, c * before.abs(), atol=1e-5, rtol=1e-4)
    # INLP's classifiers have no bias: the sign of a component is what each of them says.
    assert (after.sign() == (1 if c > 0 else -1)).all()
    assert len(before.sign().unique()) == 2
    beside = both - before @ edit.basis
    torch.testing.assert_close(
        at_input(edit, both) - after @ edit.basis, beside, atol=1e-5, rtol=1e-4
    )


def test_alterrep_is_a_flip_of_what_lies_on_the_other_side_and_nullspace_at_0(fitted, states):
    both = torch.cat([states[label][:, 2, 1] for label in ("harmful", "harmless")])
    inputs = "k=3,sites=input"
    away = at_input(parse("alterrep:k=3").edit(fitted), both)
    flipped = at_input(parse(f"flip:{inputs}").edit(fitted), both)
    signs = (both @ parse(f"flip:{inputs}").edit(fitted).basis.T).sign()
    all_harmful, all_harmless = (signs > 0).all(1), (signs < 0).all(1)
    torch.testing.assert_close(away[all_harmful], flipped[all_harmful], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(away[all_harmless], both[all_harmless], atol=1e-5, rtol=1e-4)
    one = parse("alterrep:k=1").edit(fitted)  # by one direction both sides have members
    flip_one = at_input(parse("flip:k=1,sites=input").edit(fitted), both)
    reads_harmful = (both @ one.basis.T)[:, 0] > 0
    assert reads_harmful.any()
    assert not reads_harmful.all()
    expected = torch.where(reads_harmful[:, None], flip_one, both)
    torch.testing.assert_close(at_input(one, both), expected, atol=1e-5, rtol=1e-4)
    # The sign is that of the classes, not of the basis alone.
    sides = [(states[label][:, 2, 1] @ one.basis.T).mean() for label in ("harmful", "harmless")]
    assert sides[0] > sides[1]
    erased = at_input(parse("alterrep:k=3,c=0").edit(fitted), both)
    expected = at_input(parse(f"nullspace:{inputs}").edit(fitted), both)
    torch.testing.assert_close(erased, expected)


@pytest.mark.parametrize("text", ["leace:alpha=0", "ace:alpha=0"])
def test_no_strength_is_no_edit(controlled, text):
    assert parse(text).edit(controlled).is_identity
    assert not parse(text.partition(":")[0]).edit(controlled).is_identity


ERASERS = ("leace", "ace", "ace:c=1", "alterrep:k=2", "leace:side=harmful", "leace:where=all")


@pytest.mark.parametrize("text", ERASERS)
def test_more_erasers_act_at_block_inputs_and_beside_others_as_alone(controlled, text):
    edit = parse(text).edit(controlled)
    assert {part for _, part in edit.sites} == {"input"}
    site = edit.sites[0]
    others = [parse(each).edit(controlled) for each in ("flip:k=3,layer=2", "ablation")]
    others = [replace(each, sites=edit.sites) for each in others]
    residual = torch.randn(4, 5, 32, generator=torch.Generator().manual_seed(3))
    for dtype in (torch.float32, torch.bfloat16):
        given = residual.to(dtype)
        together = compile_edits([others[0], edit, None, others[1]])[site](given)
        assert together.dtype == dtype
        assert torch.equal(together[2], given[2])
        tolerance = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {}
        alone = compile_edits([edit])[site](given[1:2])[0]
        torch.testing.assert_close(together[1], alone, **tolerance)
        for row, other in ((0, others[0]), (3, others[1])):
            alone = compile_edits([other])[site](given[row : row + 1])[0]
            torch.testing.assert_close(together[row], alone, **tolerance)


def test_a_push_is_refused_where_there_is_no_side(fitted):
    edit = parse("alterrep").edit(fitted)
    with pytest.raises(ValueError, match="acts at block inputs only"):
        replace(edit, sites=((1, "input"), (1, "mlp")))
    assert replace(edit, push=0.0, sites=((1, "mlp"),)).push == 0


def test_what_an_eraser_reads_with_or_pushes_makes_it_another_edit(controlled):
    one, again = (parse("leace").edit(controlled) for _ in range(2))
    assert alike(one, again)
    assert not alike(one, replace(one, reader=None))
    pushed = parse("alterrep:c=1").edit(controlled)
    assert not alike(pushed, replace(pushed, push=-1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leace:layer=3", r"not stored at layer 3, position -2, but at layer 2, position -2 and"),
        ("leace:layer=1,position=-2", r"layer 1, position -1; choose one of these"),
    ],
)
def test_leace_says_where_a_covariance_is_stored(controlled, text, message):
    with pytest.raises(SteeringError, match=message):
        parse(text).edit(controlled)
    parse("leace:layer=1,position=-1").edit(controlled)


def test_leace_without_stored_states_and_ace_without_means_say_what_is_missing(fitted):
    with pytest.raises(SteeringError, match=r"leace needs their covariance.*precompute"):
        parse("leace").edit(fitted)
    bare = replace(fitted, harmless_mean=None)
    with pytest.raises(SteeringError, match="ace has no harmless mean to go to"):
        parse("ace").edit(bare)
    parse("alterrep").edit(bare)
