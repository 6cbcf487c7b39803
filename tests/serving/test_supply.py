"""What an engine is told before there is torch, and where it comes from."""

from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.serving.supply import Supply


@pytest.fixture
def supply(tiny, fitted, charted):
    return Supply(lambda *_: tiny, lambda _: fitted, lambda _: (), maps=lambda _: charted)


def test_facts_are_those_of_the_directions_unless_an_outline_is_at_hand(supply, fitted):
    assert supply.facts("tiny") is fitted
    other = replace(fitted, default_k=1)
    assert replace(supply, outline=lambda _: other).facts("tiny") is other


def test_points_are_those_of_the_maps_unless_they_are_read_alone(supply, charted):
    assert supply.cloud("tiny").texts == charted.texts
    other = replace(charted.points, digest="abc")
    assert replace(supply, points=lambda _: other).cloud("tiny") is other
    assert replace(supply, maps=lambda _: None).cloud("tiny") is None


def test_without_a_model_loading_says_how_to_have_one(supply, tiny):
    assert supply.load("tiny", lambda _: None, lambda _: True) is tiny
    with pytest.raises(SteeringError, match="STEERING_MODEL=none"):
        replace(supply, model=None).load("tiny", lambda _: None, lambda _: True)


def test_who_works_elsewhere_is_told_of_what_is_loaded_and_whether_it_is_still_of_use(supply, tiny):
    seen, said, of_use = [], [], []
    held = replace(supply, hold=lambda *given: seen.append(given))
    assert held.load("tiny", said.append, lambda model: model is tiny and not of_use) is tiny
    ((model, wanted),) = seen
    assert model is tiny
    assert wanted()
    of_use.append("another one was chosen")
    assert not wanted()
    assert [step.label for step in said] == ["Waiting for the processes that write answers"]
