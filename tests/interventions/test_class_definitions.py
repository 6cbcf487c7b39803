"""Directions by two definitions of the classes: views swap them; what is not there is refused."""

from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.interventions.class_definitions import known
from steering.interventions.directions import ClassFit, Directions, difference_in_means
from steering.interventions.inlp import inlp
from steering.interventions.panel import parse


@pytest.fixture(scope="module")
def both(fitted, states) -> Directions:
    """By label, and by a behaviour that only half of the prompts show; fewer directions of it."""
    harmful, harmless = states["harmful"][::2], states["harmless"][::2]
    other = ClassFit(
        "behaviour",
        difference_in_means(harmful, harmless),
        harmless.double().mean(0).float(),
        {
            point: inlp(
                harmful[:, point[0], point[1]],
                harmless[:, point[0], point[1]],
                point,
                max_iterations=1,
            )
            for point in fitted.inlp
        },
    )
    return replace(fitted, other=other)


def test_a_view_has_the_other_fit_and_the_same_places(both):
    found = both.of("behaviour")
    assert torch.equal(found.difference, both.other.difference)
    assert found.inlp == both.other.inlp
    assert (found.dim_point, found.inlp_point) == (both.dim_point, both.inlp_point)
    assert found.dim_classes == found.inlp_classes == "behaviour"
    assert (both.default_k, found.default_k) == (2, 1)  # INLP kept one direction there
    assert both.of("label") is both.of(None) is both
    back = found.of("label")
    assert torch.equal(back.difference, both.difference)
    assert back.inlp == both.inlp


@pytest.mark.parametrize("text", ["ablation", "actadd:c=1", "nullspace:k=1", "flip:k=1"])
def test_a_panel_takes_what_was_fitted_by_its_definition(both, text):
    colon = "," if ":" in text else ":"
    default = parse(text).edit(both)
    named = parse(f"{text}{colon}classes=label").edit(both)
    other = parse(f"{text}{colon}classes=behaviour").edit(both)
    of_other = parse(text).edit(both.of("behaviour"))
    for one, same, different in ((default, named, other), (of_other, other, default)):
        assert torch.equal(one.basis, same.basis)
        assert torch.equal(one.shift, same.shift)
        alike = torch.allclose(one.basis, different.basis, atol=1e-4)
        assert not (alike and torch.allclose(one.shift, different.shift, atol=1e-4))


def test_the_midpoint_and_the_gate_are_those_of_the_definition(both):
    for basis in ("dim", "inlp"):
        text = f"flip:k=1,basis={basis},center=midpoint,side=harmful,classes=behaviour"
        edit, view = parse(text).edit(both), both.of("behaviour")
        point = parse(text).resolved(both).point
        assert torch.equal(edit.center, view.midpoint(basis, point))
        assert not torch.allclose(edit.center, both.midpoint(basis, point), atol=1e-4)
        assert torch.equal(edit.gate.normal, view.subspace(basis, point).basis[0])


def test_the_text_form_keeps_the_definition_and_the_default_is_filled_in(both):
    panel = parse("flip:classes=behaviour,k=1")
    assert str(panel) == "flip:classes=behaviour,k=1"
    assert parse("flip").resolved(both).classes == "label"
    assert parse("flip:classes=behaviour").resolved(both).k == 1
    with pytest.raises(SteeringError, match="allowed: label, behaviour"):
        parse("flip:classes=refused")


def test_artifacts_of_earlier_versions_say_what_they_have_and_refuse_the_rest(fitted):
    old = replace(fitted, dim_classes="behaviour", inlp_classes="label")
    for text in ("ablation:classes=behaviour", "flip:classes=label", "ablation", "flip"):
        assert parse(text).edit(old) is not None
    with pytest.raises(SteeringError, match=r"difference in means .* classes=behaviour \(refused"):
        parse("ablation:classes=label").edit(old)
    with pytest.raises(SteeringError, match=r"INLP .* classes=label \(harmful"):
        parse("flip:classes=behaviour").edit(old)
    assert parse("flip:basis=dim").resolved(old).classes == "behaviour"


def test_directions_of_elsewhere_have_no_definition(fitted):
    imported = replace(fitted, dim_classes=None, inlp_classes=None)
    assert parse("ablation").edit(imported) is not None
    assert known(imported, difference=True) == ()
    with pytest.raises(SteeringError, match="nobody named"):
        parse("ablation:classes=label").edit(imported)


def test_the_digest_tells_what_the_other_definition_has(both, fitted):
    assert both.digest != fitted.digest
    moved = replace(both, other=replace(both.other, difference=both.other.difference + 1))
    assert moved.digest != both.digest
