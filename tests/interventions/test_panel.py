import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.interventions.directions import Directions
from steering.interventions.panel import CHOICES, DEFAULT_PANELS, KEYS, Panel, parse

ALL_INPUTS = tuple((layer, "input") for layer in range(4))
ALL_PARTS = tuple((layer, part) for layer in range(4) for part in ("input", "attention", "mlp"))


def parts_of(layer: int) -> tuple:
    return tuple((layer, part) for part in ("input", "attention", "mlp"))


VALUES = {
    "k": st.integers(1, 10**12),
    "alpha": st.floats(0, 3),
    "c": st.floats(-3, 3),
    "layer": st.integers(0, 10**6),
    "position": st.integers(-(10**6), -1),
    "seed": st.integers(0, 2**63 - 1),
    **{key: st.sampled_from(allowed) for key, allowed in CHOICES.items()},
}


@st.composite
def settings_of_panels(draw) -> dict:
    name = draw(st.sampled_from(sorted(KEYS)))
    keys = draw(st.lists(st.sampled_from(KEYS[name]), unique=True)) if KEYS[name] else []
    return {"name": name, **{key: draw(VALUES[key]) for key in keys}, "order": tuple(keys)}


@given(settings=settings_of_panels())
def test_reading_a_panels_text_gives_the_panel(settings):
    panel = Panel(**settings)
    assert parse(str(panel)) == panel
    assert parse(str(panel)).order == panel.order


@given(settings=settings_of_panels())
def test_formatting_a_parsed_panel_gives_the_same_text(settings):
    text = str(Panel(**settings))
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "baseline",
        "flip:k=3",
        "nullspace:k=8,where=all",
        "actadd:c=1",
        "ablation:where=source",
        "flip:where=all,k=3,side=harmful,alpha=1.5",
        "random:seed=7,k=2",
        "nullspace:basis=dim,center=midpoint,layer=15,position=-2",
        "actadd:c=-0.00001",
        *DEFAULT_PANELS,
    ],
)
def test_a_text_in_short_form_comes_back_letter_by_letter(text):
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("flip:alpha=2.0", "flip:alpha=2"),
        (" actadd: c = +1.50 ", "actadd:c=1.5"),
        ("actadd:c=.5", "actadd:c=0.5"),
        ("flip:k=03", "flip:k=3"),
    ],
)
def test_other_spellings_of_a_number_come_back_in_short_form(text, short):
    assert str(parse(text)) == short
    assert parse(short) == parse(text)


def test_the_fields_are_those_of_the_text():
    panel = parse("nullspace:k=8,where=all,alpha=0.5,layer=3,position=-2,seed=4")
    assert panel == Panel("nullspace", k=8, where="all", alpha=0.5, layer=3, position=-2, seed=4)
    assert isinstance(panel.alpha, float)
    assert isinstance(panel.k, int)
    assert parse("flip").k is None


def test_the_order_of_the_keys_does_not_make_another_panel():
    first, second = parse("flip:k=3,alpha=1"), parse("flip:alpha=1,k=3")
    assert first == second
    assert hash(first) == hash(second)
    assert str(first) != str(second)
    assert str(Panel("flip", alpha=1.0, k=3)) == "flip:k=3,alpha=1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flop", r"unknown panel 'flop' .*baseline, actadd, ablation, nullspace, flip, random"),
        ("", r"unknown panel ''"),
        ("Flip", r"unknown panel 'Flip'"),
        ("flip:", r"'' in panel 'flip:' is not key=value"),
        ("flip:k", r"'k' in panel 'flip:k' is not key=value; flip takes k, alpha"),
        ("flip:k=", r"is not key=value"),
        ("flip:k=3,", r"is not key=value"),
        ("flip:k=3,k=3", r"'k' is given twice"),
        ("flip:rank=3", r"flip has no key 'rank'; allowed: k, alpha, layer"),
        ("flip:c=1", r"flip has no key 'c'"),
        ("flip:name=x", r"flip has no key 'name'"),
        ("flip:order=x", r"flip has no key 'order'"),
        ("actadd:k=1", r"actadd has no key 'k'; allowed: c, layer"),
        ("ablation:basis=inlp", r"ablation has no key 'basis'"),
        ("baseline:k=1", r"baseline has no key 'k'; allowed: no keys"),
        ("flip:k=0", r"k=0 of panel flip is out of range; allowed: 1 or more"),
        ("flip:k=2.5", r"k=2.5 of panel flip is not a whole number"),
        ("flip:k=two", r"k=two of panel flip is not a whole number"),
        ("flip:k=٣", r"not a whole number"),
        ("flip:k=" + "9" * 5000, r"k=9{40} of panel flip is not a whole number"),
        ("flip:alpha=x", r"alpha=x of panel flip is not a number"),
        ("flip:alpha=nan", r"alpha=nan of panel flip is not a number"),
        ("flip:alpha=inf", r"alpha=inf of panel flip is not a number"),
        ("flip:alpha=1e1", r"not a number"),
        ("flip:alpha=3.01", r"alpha=3.01 of panel flip is out of range; allowed: 0 to 3"),
        ("flip:alpha=-0.1", r"alpha=-0.1 .*allowed: 0 to 3"),
        ("actadd:c=3.5", r"c=3.5 .*allowed: -3 to 3"),
        ("actadd:c=-3.5", r"c=-3.5 .*allowed: -3 to 3"),
        ("actadd:c=" + "9" * 400, r"c=inf .*allowed: -3 to 3"),
        ("flip:layer=-1", r"layer=-1 .*out of range"),
        ("flip:position=0", r"position=0 .*allowed: -1 or less"),
        ("flip:seed=-1", r"seed=-1 .*out of range"),
        ("flip:seed=9223372036854775808", r"seed=9223372036854775808 .*out of range"),
        ("flip:where=here", r"where=here of panel flip is unknown; allowed: source, all"),
        ("flip:center=middle", r"allowed: origin, midpoint"),
        ("flip:basis=pca", r"allowed: dim, inlp, random"),
        ("flip:side=harmless", r"allowed: both, harmful"),
    ],
)
def test_a_text_that_is_not_a_panel_is_refused_with_what_is_allowed(text, message):
    with pytest.raises(SteeringError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("k", 2.5),
        ("k", True),
        ("k", "3"),
        ("layer", 1.0),
        ("alpha", "1"),
        ("alpha", math.nan),
        ("alpha", math.inf),
        ("alpha", False),
        ("where", 1),
        ("side", ""),
    ],
)
def test_a_panel_made_in_code_is_checked_in_the_same_way(field, value):
    """Also where nothing checks types at run time, as in the app."""
    panel = copy.copy(parse("flip"))
    object.__setattr__(panel, field, value)
    with pytest.raises(SteeringError, match=rf"{field}={value}"):
        panel.__post_init__()


def test_an_unknown_panel_made_in_code_is_refused():
    with pytest.raises(SteeringError, match="unknown panel 'flop'"):
        Panel("flop")


def test_the_ends_of_the_ranges_are_allowed():
    for text in ("flip:alpha=0", "flip:alpha=3", "actadd:c=-3", "actadd:c=3", "flip:layer=0"):
        assert str(parse(text)) == text
    assert parse(f"random:seed={2**63 - 1}").seed == 2**63 - 1


# On a model: `fitted` has dim_point (-2, 2), inlp_point (-1, 1), default_k 2, default_c 1.5.


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("baseline", "baseline"),
        ("actadd", "actadd:c=1.5,layer=2,position=-2,where=source,side=both"),
        ("actadd:c=-1", "actadd:c=-1,layer=2,position=-2,where=source,side=both"),
        (
            "ablation",
            "ablation:alpha=1,layer=2,position=-2,where=all,center=origin,side=both",
        ),
        (
            "nullspace",
            "nullspace:k=2,alpha=1,layer=1,position=-1,where=source,center=origin,basis=inlp,seed=0,"
            "side=both",
        ),
        (
            "flip",
            "flip:k=2,alpha=2,layer=1,position=-1,where=source,center=origin,basis=inlp,seed=0,"
            "side=both",
        ),
        (
            "flip:basis=dim",
            "flip:k=1,alpha=2,layer=2,position=-2,where=source,center=origin,basis=dim,seed=0,"
            "side=both",
        ),
        (
            "nullspace:basis=random,k=1",
            "nullspace:k=1,alpha=1,layer=1,position=-1,where=source,center=origin,basis=random,"
            "seed=0,side=both",
        ),
        (
            "random",
            "random:k=2,alpha=2,layer=1,position=-1,where=source,center=origin,seed=0,side=both",
        ),
        ("flip:layer=3,alpha=0", None),
    ],
)
def test_defaults_are_those_of_the_model_and_of_the_kind_of_panel(fitted, text, resolved):
    panel = parse(text).resolved(fitted)
    if resolved is None:
        assert (panel.layer, panel.position, panel.alpha) == (3, -1, 0.0)
    else:
        assert panel == parse(resolved)
        assert panel.resolved(fitted) == panel


def test_nullspace_projection_and_flipping_differ_in_alpha_only(fitted):
    nullspace, flip = (parse(name).resolved(fitted) for name in ("nullspace", "flip"))
    assert (nullspace.alpha, flip.alpha) == (1.0, 2.0)
    assert replace(nullspace, name="flip", alpha=2.0) == flip


def test_the_point_of_a_panel_is_known_once_it_is_resolved(fitted):
    assert parse("flip").resolved(fitted).point == (-1, 1)
    with pytest.raises(ValueError, match="not resolved"):
        _ = parse("flip").point


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
    for text, point in (("flip:center=midpoint", (-1, 1)), ("ablation:center=midpoint", (-2, 2))):
        assert torch.equal(parse(text).edit(fitted).center, fitted.midpoint(point))


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


def test_a_panel_is_plain_data_that_can_be_changed_by_replacement():
    panel = parse("flip:k=3")
    assert str(replace(panel, k=4)) == "flip:k=4"
    with pytest.raises(AttributeError):
        panel.k = 4
