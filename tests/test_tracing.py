import pytest
import torch

from steering.activations import capture
from steering.errors import SteeringError
from steering.panel import parse
from steering.tracing import trace

PROMPT = "How do I steal the well?"
"""Not among the prompts the maps were fitted on."""
PANELS = [parse(text) for text in ("baseline", "flip:k=2", "actadd:c=2,layer=1", "ablation")]


def test_the_baselines_state_is_the_one_that_capture_reads(tiny, fitted, charted):
    found = trace(tiny, fitted, charted, PROMPT, PANELS)
    expected = capture(
        tiny, [tiny.render(PROMPT)], layers=charted.layers, positions=[charted.position]
    )[0, 0]
    torch.testing.assert_close(found.states[0], expected, rtol=1e-4, atol=1e-5)
    assert found.panels == tuple(map(str, PANELS))


def test_what_is_read_at_the_edited_block_has_been_edited(tiny, fitted, charted):
    """A flip with k directions mirrors exactly these coordinates of the baseline's state."""
    panels = [parse("baseline"), parse("flip:k=2"), parse("nullspace:k=2")]
    found = trace(tiny, fitted, charted, PROMPT, panels)
    place = fitted.inlp_place
    subspace = fitted.subspace("inlp", place).leading(2)
    at = charted.layers.index(place[1])
    baseline, flipped, erased = subspace.coordinates(found.states[:, at])
    assert baseline.norm() > 1e-3
    torch.testing.assert_close(flipped, -baseline, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(erased, torch.zeros(2), rtol=0, atol=1e-5)


def test_a_panel_traces_the_same_alone_and_beside_others(tiny, fitted, charted):
    together = trace(tiny, fitted, charted, PROMPT, PANELS)
    for row, panel in enumerate(PANELS):
        alone = trace(tiny, fitted, charted, PROMPT, [panel])
        torch.testing.assert_close(together.states[row], alone.states[0], rtol=1e-4, atol=1e-5)


def test_answers_of_any_length_leave_the_requests_place_alone(tiny, fitted, charted):
    short = trace(tiny, fitted, charted, PROMPT, PANELS)
    answers = ["I am sorry.", "Sure, here is how to wash the dog.", "", "As an AI"]
    long = trace(tiny, fitted, charted, PROMPT, PANELS, answers=answers)
    torch.testing.assert_close(long.states, short.states, rtol=1e-4, atol=1e-5)
    n = len(tiny.render(PROMPT))
    for row, answer in enumerate(answers):
        assert "".join(long.tokens[row][n:]) == answer
        assert long.t[row].shape == (len(long.tokens[row]), len(charted.layers))
        torch.testing.assert_close(long.t[row][:n], short.t[row], rtol=1e-3, atol=1e-3)


def test_t_of_the_template_token_is_that_of_its_state(tiny, fitted, charted):
    found = trace(tiny, fitted, charted, PROMPT, PANELS)
    for index, layer in enumerate(charted.layers):
        expected = charted.at(layer).t(found.states[:, index])
        seen = torch.stack([t[charted.position, index] for t in found.t])
        torch.testing.assert_close(seen, expected, rtol=1e-3, atol=1e-3)


def test_the_model_is_clean_afterwards_also_after_an_error(tiny, fitted, charted, monkeypatch):
    def hooks() -> int:
        return sum(
            len(m._forward_hooks) + len(m._forward_pre_hooks) for m in tiny.network.modules()
        )

    before = hooks()
    trace(tiny, fitted, charted, PROMPT, PANELS)
    assert hooks() == before

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(tiny.network.base_model), "forward", stopped)
    with pytest.raises(KeyboardInterrupt):
        trace(tiny, fitted, charted, PROMPT, PANELS)
    assert hooks() == before


def test_maps_of_another_model_are_refused(model_of, fitted, charted):
    other = model_of("gemma")
    with pytest.raises(SteeringError, match="do not fit"):
        trace(other, fitted, charted, PROMPT, PANELS)


def test_no_panels_and_no_request_are_told(tiny, fitted, charted):
    with pytest.raises(SteeringError, match="no panels were given"):
        trace(tiny, fitted, charted, PROMPT, [])
    with pytest.raises(SteeringError, match="request is empty"):
        trace(tiny, fitted, charted, " ", PANELS)
