"""Directions become bytes and facts, and directions again."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load

from steering.artifacts import directions_file
from steering.interventions.directions import Directions


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
    assert directions_file.point("(-5,12)") == (-5, 12)
    assert directions_file.points({}) is None
    assert directions_file.points({"places": [[-1, 3], [-2, 4]]}) == ((-1, 3), (-2, 4))
