from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.serving import held_model


def test_a_key_says_all_that_is_held(tiny):
    held = held_model.of_model(tiny)
    assert held_model.of_key(held.key) == held
    assert (held.name, held.quantization, held.dtype) == (tiny.name, "none", "float32")
    assert held.speed == "exact"


@pytest.mark.parametrize(
    "changed",
    [{"dtype": torch.bfloat16}, {"parts": 1}, {"quantization": "nf4"}],
    ids=["dtype", "speed", "quantization"],
)
def test_what_changes_numbers_changes_the_key_and_the_rest_does_not(tiny, changed):
    key = held_model.of_model(tiny).key
    other = replace(tiny, number_format=replace(tiny.number_format, **changed))
    assert held_model.of_model(other).key != key
    assert held_model.of_model(other) != held_model.of_model(tiny)
    words = replace(tiny, number_format=replace(tiny.number_format, reason="x"))
    assert held_model.of_model(words).key == key


def test_packing_is_asked_for_and_nobody_is_refused_for_it(tiny):
    packed = replace(tiny, number_format=replace(tiny.number_format, packed=True))
    held = held_model.of_model(packed)
    assert held_model.of_key(held.key).packed
    assert held == held_model.of_model(tiny)


def test_other_weights_have_another_key(tiny):
    other = replace(tiny, provenance={"sha256": None, "revision": "abc"})
    assert held_model.of_model(other) != held_model.of_model(tiny)


def test_a_model_is_loaded_as_it_is_held_elsewhere(tiny, monkeypatch):
    asked = {}

    def load(name, **options):
        asked.update(options, name=name)
        return tiny

    monkeypatch.setattr("steering.models.loading.load", load)
    held = held_model.of_model(tiny)
    assert held_model.load(held, "cpu") is tiny
    assert (asked["name"], asked["dtype"], asked["speed"]) == (tiny.name, "float32", "exact")
    assert (asked["quantization"], asked["device"]) == ("none", "cpu")
    assert asked["packed"] is tiny.number_format.packed
    with pytest.raises(SteeringError, match=r"a replica holds .* where the page holds .* 1"):
        held_model.load(replace(held, parts=1))
