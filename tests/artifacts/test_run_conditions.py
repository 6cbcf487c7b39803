from dataclasses import replace

import pytest

from steering.artifacts.run_conditions import (
    conditions,
    differing,
    recorded_conditions,
    weights_name,
)
from steering.maps.steerable_model import SteerableModel
from tests.helpers.tiny_models import build


@pytest.fixture(scope="module")
def here(tiny, fitted):
    return conditions(SteerableModel(tiny, fitted))


def test_the_same_model_with_the_same_directions_differs_in_nothing(tiny, fitted, here):
    assert differing(here, conditions(SteerableModel(tiny, fitted))) == []
    assert here["dtype"] == "float32"
    assert here["speed"] == "exact"


def test_other_directions_weights_and_formats_are_named(tiny, fitted, here):
    moved = replace(fitted, default_k=fitted.default_k + 1)
    (found,) = differing(here, conditions(SteerableModel(tiny, moved)))
    assert found == ("directions", fitted.digest, moved.digest)
    # Nothing names the weights of a random model but what stands in them.
    assert weights_name(here)[0] == "fingerprint"
    other = conditions(SteerableModel(build("gemma"), fitted))
    assert "weights" in [what for what, _, _ in differing(here, other)]
    other = {**here, "dtype": "bfloat16", "speed": "fast"}
    assert differing(here, other) == [
        ("number format", "float32", "bfloat16"),
        ("arithmetic", "exact", "fast"),
    ]


def test_what_one_side_does_not_tell_is_not_compared(here):
    assert differing({}, here) == differing(here, {}) == []
    # A digest says nothing of a fingerprint.
    assert differing({"weights": {"sha256": "ab"}}, here) == []
    assert differing({"weights": {"sha256": "ab"}}, {"weights": {"sha256": "cd"}}) == [
        ("weights", "ab", "cd")
    ]


def test_of_a_recording_what_its_manifest_tells_is_known():
    found = recorded_conditions({"dtype": "float32", "weights": {"sha256": "ab"}, "seed": 42})
    assert found == {"dtype": "float32", "weights": {"sha256": "ab"}, "speed": "exact"}
    assert recorded_conditions(None) == {}
