"""A request is placed where the document has it, and an edit moves it."""

import pytest
import torch

from steering.anatomy.harm_placing import place_request
from steering.errors import SteeringError
from steering.interventions.edits import Edit


def test_a_test_prompt_lies_where_the_document_has_it(shy, measured):
    point = measured["points"][0]
    row = shy.model.render(point["prompt"])
    (place,) = place_request(shy.model, measured["axes"], row, [None])
    assert place == pytest.approx((point["harm"], point["refusal"]), abs=1e-3)


def test_a_step_along_the_harm_axis_moves_harm_by_two(shy, measured):
    axis = measured["axes"]["harm"]
    shift = torch.tensor(axis["direction"]) * 2 * axis["half"]
    step = Edit(
        torch.zeros(0, len(shift)), 0.0, torch.zeros(len(shift)), shift, ((axis["layer"], "input"),)
    )
    row = shy.model.render("What is red?")
    before, after = place_request(shy.model, measured["axes"], row, [None, step])
    assert after[0] - before[0] == pytest.approx(2.0, abs=1e-3)


def test_axes_of_another_width_are_refused(shy, measured):
    axes = {name: {**axis, "direction": [1.0]} for name, axis in measured["axes"].items()}
    with pytest.raises(SteeringError, match="do not fit"):
        place_request(shy.model, axes, [1, 2], [None])
