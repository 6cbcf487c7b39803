"""Model, directions and maps that belong together, checked once."""

from dataclasses import replace

import pytest

from steering.chat_templates.rendering import Rendering
from steering.errors import SteeringError
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel


def test_what_was_fitted_on_a_model_belongs_to_it(tiny, fitted, charted):
    whole = SteerableModel(tiny, fitted, charted)
    assert (whole.model, whole.directions, whole.maps) == (tiny, fitted, charted)
    assert SteerableModel(tiny, fitted).maps is None


THINKING = Rendering(thinking="on")


def test_what_was_fitted_in_another_mode_is_refused(tiny, fitted, charted):
    with pytest.raises(SteeringError, match=r"directions .* fitted with thinking on"):
        SteerableModel(tiny, replace(fitted, rendering=THINKING), charted)
    with pytest.raises(SteeringError, match=r"maps .* fitted with thinking on"):
        SteerableModel(tiny, fitted, replace(charted, rendering=THINKING))


def test_directions_and_maps_of_another_model_are_refused(tiny, wide, fitted, charted):
    larger = replace(tiny, name="larger")
    assert SteerableModel(larger, fitted).model is larger  # a copy under another name
    with pytest.raises(SteeringError, match="do not fit larger"):
        SteerableModel(larger, fitted, charted)
    with pytest.raises(SteeringError, match="do not fit"):
        SteerableModel(wide, fitted)


def test_without_maps_nothing_is_traced(tiny, fitted):
    with pytest.raises(ValueError, match="there are none"):
        Tracer(SteerableModel(tiny, fitted))
