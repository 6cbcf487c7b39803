import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.interventions.panel import (
    DEFAULT_PANELS,
    KEY_CHOICES,
    KEYS,
    Panel,
    choices,
    parse,
)

VALUES = {
    "k": st.integers(1, 10**12),
    "alpha": st.floats(0, 3),
    "c": st.floats(-3, 3),
    "layer": st.integers(0, 10**6),
    "position": st.integers(-(10**6), -1),
    "seed": st.integers(0, 2**63 - 1),
}


@st.composite
def settings_of_panels(draw) -> dict:
    name = draw(st.sampled_from(sorted(KEYS)))
    keys = draw(st.lists(st.sampled_from(KEYS[name]), unique=True)) if KEYS[name] else []
    drawn = {
        key: draw(st.sampled_from(choices(name, key)) if key in KEY_CHOICES else VALUES[key])
        for key in keys
    }
    if drawn.get("side") == "harmful" and drawn.get("sites") == "block":
        drawn["sites"] = "input"
    return {"name": name, **drawn, "order": tuple(keys)}


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
        "flip:seed=7,k=2,basis=random",
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
        ("flop", r"unknown panel 'flop' .*baseline, actadd, ablation, nullspace, flip"),
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
        ("actadd:basis=inlp", r"basis=inlp of panel actadd is unknown; allowed: dim, random"),
        ("random:basis=dim", r"'basis' is given twice"),
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
        ("flip:sites=mlp", r"sites=mlp of panel flip is unknown; allowed: input, block"),
        ("actadd:sites=block", r"actadd has no key 'sites'"),
        ("actadd:basis=shuffled", r"allowed: dim, random, covariance"),
        ("nullspace:side=harmful,sites=block", r"sites=block does not go with side=harmful"),
        ("leace:k=2", r"leace has no key 'k'; allowed: alpha, layer"),
        ("leace:center=origin", r"leace has no key 'center'"),
        ("ace:basis=inlp", r"basis=inlp of panel ace is unknown; allowed: dim, random"),
        ("ace:sites=block", r"ace has no key 'sites'"),
        ("alterrep:alpha=1", r"alterrep has no key 'alpha'; allowed: k, c, layer"),
        ("alterrep:c=-4", r"c=-4 of panel alterrep is out of range; allowed: -3 to 3"),
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
        (
            "leace",
            "leace:alpha=1,layer=2,position=-2,where=source,basis=dim,seed=0,side=both,"
            "classes=label",
        ),
        (
            "ace:seed=3",
            "ace:seed=3,alpha=1,c=0,layer=2,position=-2,where=source,basis=dim,side=both,"
            "classes=label",
        ),
        (
            "alterrep",
            "alterrep:k=2,c=-1,layer=1,position=-1,where=source,center=origin,basis=inlp,"
            "seed=0,side=both,classes=label",
        ),
        (
            "actadd",
            "actadd:c=1.5,layer=2,position=-2,where=source,basis=dim,seed=0,side=both,classes=label",
        ),
        (
            "actadd:c=-1",
            "actadd:c=-1,layer=2,position=-2,where=source,basis=dim,seed=0,side=both,classes=label",
        ),
        (
            "ablation",
            "ablation:alpha=1,layer=2,position=-2,where=all,center=origin,basis=dim,seed=0,side=both,classes=label",
        ),
        (
            "nullspace",
            "nullspace:k=2,alpha=1,layer=1,position=-1,where=source,center=origin,basis=inlp,seed=0,"
            "side=both,classes=label",
        ),
        (
            "flip",
            "flip:k=2,alpha=2,layer=1,position=-1,where=source,center=origin,basis=inlp,seed=0,"
            "side=both,classes=label",
        ),
        (
            "flip:basis=dim",
            "flip:k=1,alpha=2,layer=2,position=-2,where=source,center=origin,basis=dim,seed=0,"
            "side=both,classes=label",
        ),
        (
            "nullspace:basis=random,k=1",
            "nullspace:k=1,alpha=1,layer=1,position=-1,where=source,center=origin,basis=random,"
            "seed=0,side=both,classes=label",
        ),
        (
            "random",
            "flip:k=2,alpha=2,layer=1,position=-1,where=source,center=origin,basis=random,seed=0,"
            "side=both,classes=label",
        ),
        (
            "flip:sites=block",
            "flip:k=2,alpha=2,layer=1,position=-1,where=source,center=origin,basis=inlp,seed=0,"
            "side=both,classes=label,sites=block",
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


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("flip", "input"),
        ("nullspace", "block"),
        ("ablation:where=source", "block"),
        ("ablation:side=harmful", "input"),
    ],
)
def test_full_texts_of_before_there_were_sites_to_choose_are_still_those(text, own, fitted):
    panel = parse(text)
    spelt = replace(panel, sites=own)
    assert spelt.acts_at == panel.acts_at == own
    assert spelt.resolved(fitted) == panel.resolved(fitted)
    assert "sites" not in str(panel.resolved(fitted))
    other = replace(parse("flip"), sites="block").resolved(fitted)
    assert other != parse("flip").resolved(fitted)
    assert "sites=block" in str(other)


def test_the_point_of_a_panel_is_known_once_it_is_resolved(fitted):
    assert parse("flip").resolved(fitted).point == (-1, 1)
    with pytest.raises(ValueError, match="not resolved"):
        _ = parse("flip").point


def test_a_panel_is_plain_data_that_can_be_changed_by_replacement():
    panel = parse("flip:k=3")
    assert str(replace(panel, k=4)) == "flip:k=4"
    with pytest.raises(AttributeError):
        panel.k = 4


def test_an_old_name_is_read_as_what_it_stands_for(fitted):
    assert parse("random:k=2,seed=7") == Panel("flip", k=2, basis="random", seed=7)
    assert str(parse("random:k=2,seed=7")) == "flip:k=2,seed=7,basis=random"
    assert parse("random").resolved(fitted) == parse("flip:basis=random").resolved(fitted)


@pytest.mark.parametrize(
    "text",
    [
        *("actadd:c=2", "ablation", "nullspace:k=2", "flip:k=2"),
        *("leace", "ace:c=0.5", "alterrep:k=2"),
    ],
)
def test_every_kind_has_a_random_control_of_its_own_size_at_its_own_point(text, controlled):
    fitted = controlled
    found = parse(text)
    random = replace(found, basis="random", seed=3)
    one, other = found.edit(fitted), random.edit(fitted)
    assert random.resolved(fitted).point == found.resolved(fitted).point
    assert (one.sites, one.alpha, one.basis.shape) == (other.sites, other.alpha, other.basis.shape)
    assert (one.push, one.reads.shape) == (other.push, other.reads.shape)
    torch.testing.assert_close(one.shift.norm(), other.shift.norm())
    for first, second in ((one.basis, other.basis), (one.shift[None], other.shift[None])):
        assert not first.numel() or not first.any() or not torch.equal(first, second)
    again = replace(found, basis="random", seed=3).edit(fitted)
    assert torch.equal(other.shift, again.shift)
    assert torch.equal(other.basis, again.basis)


def test_ablation_along_the_first_inlp_direction(fitted):
    edit = parse("ablation:basis=inlp").edit(fitted)
    expected = fitted.subspace("inlp", fitted.inlp_point).leading(1).basis
    assert torch.equal(edit.basis, expected)
    assert len(edit.sites) == 3 * fitted.n_layers
