"""Both fits go into one file and come back; earlier artifacts say what they were fitted on."""

import json
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load

from steering.artifacts import class_fits, directions_file, store
from steering.errors import SteeringError
from steering.interventions.directions import ClassFit
from steering.interventions.outline import Outline, Start
from steering.interventions.stability import Stability
from steering.interventions.subspace import Subspace


@pytest.fixture
def both(fitted):
    known = {}
    for point, found in fitted.inlp.items():
        first = Subspace(found.subspace.basis[:1].clone(), point[1], point[0], "INLP")
        known[point] = replace(found, subspace=first, means=found.means + 1)
    point = fitted.inlp_point
    known[point] = replace(known[point], stability=Stability((2,), (0.9,)))
    other = ClassFit("behaviour", fitted.difference * 2, fitted.harmless_mean + 1, known)
    return replace(fitted, other=other, nullspace=Start((-2, 3), 2))


def test_both_fits_come_back_from_the_folder_and_so_does_the_outline(both, tmp_path):
    store.write(tmp_path, both, {})
    found = store.load("tiny", tmp_path)
    assert found.digest == both.digest
    assert (found.dim_classes, found.inlp_classes, found.other_classes) == (
        "label",
        "label",
        "behaviour",
    )
    assert torch.equal(found.of("behaviour").difference, both.other.difference)
    outline = store.outline("tiny", tmp_path)
    for each in fields(Outline):
        assert getattr(outline, each.name) == getattr(found, each.name)
    for classes in (None, "label", "behaviour"):
        view, facts = found.of(classes), outline.of(classes)
        assert facts.inlp_ranks == view.inlp_ranks
        assert facts.default_k == view.default_k
        assert facts.nullspace == view.nullspace
        assert facts.stabilities == view.stabilities
        assert (facts.dim_classes, facts.other_classes) == (view.dim_classes, view.other_classes)
    assert outline.of("behaviour").stabilities == {both.inlp_point: Stability((2,), (0.9,))}
    assert outline.stabilities == {}


def test_an_earlier_reader_finds_the_default_fit_where_it_was(both, fitted):
    tensors = load(directions_file.content(both))
    facts = directions_file.manifest(both, b"", {})
    facts.pop("classes")
    old = directions_file.directions(facts, tensors)
    alone = replace(old, dim_classes="label", inlp_classes="label", nullspace=None)
    assert alone.digest == fitted.digest


def test_earlier_artifacts_have_the_difference_by_behaviour_and_inlp_by_label(fitted):
    facts = directions_file.manifest(fitted, b"", {})
    assert class_fits.definitions(facts) == ("label", "label")
    facts.pop("classes")
    assert class_fits.definitions(facts) == ("behaviour", "label")
    assert class_fits.definitions({**facts, "imported": "from elsewhere"}) == (None, None)


def test_a_missing_tensor_or_an_unknown_definition_of_the_other_fit_is_refused(both, tmp_path):
    store.write(tmp_path, both, {})
    path = tmp_path / "manifest.json"
    whole = json.loads(path.read_text())
    for change in ({"other": "harm"}, {"dim": "harm"}, {"other": "label"}, {"inlp_of_other": {}}):
        path.write_text(json.dumps({**whole, "classes": {**whole["classes"], **change}}))
        with pytest.raises(SteeringError, match="cannot be read"):
            store.load("tiny", tmp_path)


def test_points_are_pairs_again():
    assert class_fits.point(class_fits.key((-5, 12))) == (-5, 12)
