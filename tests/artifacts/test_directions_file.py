"""Directions become bytes and facts, and directions again."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load

from steering.artifacts import class_fits, directions_file
from steering.interventions.directions import Directions
from steering.interventions.openers import Opener, OpenerTable
from steering.interventions.stability import Stability


def again(directions: Directions, content: bytes) -> Directions:
    facts = directions_file.manifest(directions, content, {"seed": 42})
    return directions_file.directions(facts, load(content))


def test_directions_come_back_with_everything_that_an_edit_depends_on(fitted):
    content = directions_file.content(fitted)
    assert again(fitted, content).digest == fitted.digest
    found = again(fitted, content)
    assert directions_file.content(found) == content
    for point, each in fitted.inlp.items():
        assert torch.equal(found.inlp[point].means, each.means)


def test_accuracies_and_stability_come_back_and_are_told_where_they_are_known(fitted):
    stability = Stability((2, 3), (0.9, 0.4))
    point = fitted.inlp_point
    known = {**fitted.inlp, point: replace(fitted.inlp[point], stability=stability)}
    told = replace(fitted, inlp=known)
    content = directions_file.content(told)
    found = again(told, content)
    assert found.stabilities == {point: stability}
    for each, expected in fitted.inlp.items():
        assert found.inlp[each].cross_validated == expected.cross_validated
        assert len(expected.cross_validated) == expected.subspace.rank
    facts = directions_file.manifest(told, content, {})
    assert class_fits.stabilities(facts) == {point: stability}
    assert class_fits.stabilities(directions_file.manifest(fitted, content, {})) == {}
    # Earlier versions knew neither.
    for entry in facts["inlp"].values():
        entry.pop("cross_validated")
        entry.pop("stability", None)
    old = directions_file.directions(facts, load(content))
    assert old.stabilities == {}
    assert {found.cross_validated for found in old.inlp.values()} == {()}


def test_the_names_of_the_classes_come_back_and_the_usual_ones_are_not_written(fitted):
    named = replace(fitted, class_names=("polite", "rude"))
    content = directions_file.content(named)
    assert again(named, content).class_names == ("polite", "rude")
    assert named.digest == fitted.digest  # names change no edit
    facts = directions_file.manifest(named, content, {})
    assert facts["class_names"] == ["polite", "rude"]
    assert "class_names" not in directions_file.manifest(fitted, content, {})
    for broken in (["polite"], ["polite", " "], ["polite", 3]):
        with pytest.raises(ValueError, match="class_names is wrong"):
            directions_file.directions({**facts, "class_names": broken}, load(content))


def test_the_table_of_openers_comes_back_and_counts_for_the_score(fitted):
    rows = (Opener(7, "Sorry", 0.6, 0.01, True), Opener(8, "The", 0.3, 0.2, False))
    told = replace(fitted, openers=OpenerTable(rows, 20, 30))
    content = directions_file.content(told)
    found = again(told, content)
    assert found.openers == told.openers
    assert found.digest == told.digest != fitted.digest
    # What the score does not read changes nothing of it.
    fewer = replace(fitted, openers=OpenerTable(rows[:1], 20, 30))
    assert fewer.digest == told.digest
    assert "opener_table" not in directions_file.manifest(fitted, content, {})
    assert again(fitted, content).openers is None
    facts = directions_file.manifest(told, content, {})
    facts["opener_table"]["rows"][0]["refused"] = 7.0
    with pytest.raises(ValueError, match="between 0 and 1"):
        directions_file.directions(facts, load(content))


def test_a_stability_that_is_broken_is_refused(fitted):
    content = directions_file.content(fitted)
    facts = directions_file.manifest(fitted, content, {})
    key = f"({fitted.inlp_point[0]},{fitted.inlp_point[1]})"
    facts["inlp"][key]["stability"] = {"ranks": [], "overlaps": [0.5]}
    with pytest.raises(ValueError, match="ranks or overlaps"):
        directions_file.directions(facts, load(content))


def test_directions_of_a_version_without_inlps_class_means_are_read(fitted):
    bare = {point: replace(found, means=None) for point, found in fitted.inlp.items()}
    content = directions_file.content(replace(fitted, inlp=bare))
    assert not any("means" in name for name in load(content) if name != "harmless_mean")
    assert all(found.means is None for found in again(fitted, content).inlp.values())


def test_what_lacks_a_part_is_marked_for_readers_that_take_it_for_granted(fitted):
    for lacking, marked in (
        ({}, directions_file.ARTIFACT_SCHEMA),
        ({"inlp": {}}, directions_file.INCOMPLETE),
        ({"harmless_mean": None}, directions_file.INCOMPLETE),
        ({"points": (fitted.dim_point,)}, directions_file.INCOMPLETE),
    ):
        found = directions_file.manifest(replace(fitted, **lacking), b"", {})
        assert found["schema"] == marked


def test_a_complete_manifest_whose_tensors_lack_a_part_is_refused(fitted):
    content = directions_file.content(replace(fitted, harmless_mean=None))
    with pytest.raises((KeyError, ValueError), match="harmless_mean"):
        again(fitted, content)


def test_points_are_pairs_again():
    assert class_fits.point("(-5,12)") == (-5, 12)
    assert directions_file.points({}) is None
    assert directions_file.points({"places": [[-1, 3], [-2, 4]]}) == ((-1, 3), (-2, 4))
