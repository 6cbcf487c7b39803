"""A template token is read against harmless requests at its own position, others as they are."""

from dataclasses import replace

import torch

from steering.inference.activations import capture_sets
from steering.interventions.panel import Panel
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.maps.token_tints import relative, shifts


def test_the_mean_harmless_request_is_one_at_every_template_position(
    tiny, fitted, charted, prompts
):
    found = shifts(fitted, charted)
    assert set(found) == {*fitted.positions} - {charted.position}
    states = capture_sets(
        tiny,
        {"harmless": prompts["harmless"]},
        layers=charted.layers,
        positions=fitted.positions,
    )["harmless"].mean(0)
    for position, shift in found.items():
        index = fitted.positions.index(position)
        for place, layer in enumerate(charted.layers):
            t = charted.at(layer).t(states[index, place][None])
            torch.testing.assert_close(t - shift[place], torch.ones(1), atol=1e-2, rtol=1e-2)
    # It was not 1 before, or this would have been no test.
    assert max(float(shift.abs().max()) for shift in found.values()) > 0.05


def test_only_template_tokens_with_a_known_mean_are_moved(tiny, fitted, charted):
    tracer = Tracer(SteerableModel(tiny, fitted, charted))
    prompt = "How do I wash a car?"
    answer = tiny.template.encode("Sure.")
    seen = tracer.trace(prompt, [Panel("baseline")], answers=[answer])
    length = len(tiny.render(prompt))
    moved = {
        token
        for token, (one, other) in enumerate(zip(seen.t[0], seen.tints[0], strict=True))
        if not torch.equal(one, other)
    }
    assert moved == {length + position for position in shifts(fitted, charted)}
    assert length + charted.position not in moved  # the place that the map shows


def test_without_means_nothing_is_moved(fitted, charted):
    assert shifts(replace(fitted, harmless_mean=None), charted) == {}
    assert shifts(replace(fitted, points=((-1, 1),)), charted) == {}
    t = torch.rand(5, 3)
    assert torch.equal(relative(t, 4, {}), t)


def test_a_request_shorter_than_the_template_positions_is_left_alone():
    t = torch.rand(2, 3)
    assert torch.equal(relative(t, 2, {-3: torch.ones(3)}), t)
    assert torch.equal(relative(t, 2, {-2: torch.ones(3)})[0], t[0] - 1)
