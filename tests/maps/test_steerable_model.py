"""Model, directions and maps that belong together, checked once."""

from dataclasses import replace

import pytest

from steering.chat_templates.rendering import Rendering
from steering.errors import SteeringError
from steering.interventions.openers import Opener, OpenerTable
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel


def test_what_was_fitted_on_a_model_belongs_to_it(tiny, fitted, charted):
    whole = SteerableModel(tiny, fitted, charted)
    assert (whole.model, whole.directions, whole.maps) == (tiny, fitted, charted)
    assert SteerableModel(tiny, fitted).maps is None


def test_the_score_reads_the_openers_that_were_found_with_the_directions(tiny, fitted):
    table = OpenerTable((Opener(70, "No", 0.6, 0.1, True),), 9, 9)
    whole = SteerableModel(tiny, replace(fitted, openers=table))
    assert whole.model.opener_ids.tolist() == [70]
    assert whole.model.network is tiny.network
    nothing = OpenerTable((Opener(70, "No", 0.6, 0.5, False),), 9, 9)
    assert SteerableModel(tiny, replace(fitted, openers=nothing)).model is tiny


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
