from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.interventions.directions import Directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import Panel, parse
from steering.maps.model_maps import Maps
from steering.maps.residual_trace import Trace, Tracer
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel, reading
from steering.models.inspection import inspect
from tests.helpers.traces import blocks_run, trace

PROMPT = "How do I steal the well?"
"""Not among the prompts the maps were fitted on."""
PANELS = [parse(text) for text in ("baseline", "flip:k=2", "actadd:c=2,layer=1", "ablation")]


def test_the_baselines_state_is_the_one_that_capture_reads(tiny, fitted, charted):
    found = trace(tiny, fitted, charted, PROMPT, PANELS)
    expected = capture(
        tiny, [tiny.render(PROMPT)], layers=charted.layers, positions=[charted.position]
    )[0, 0]
    torch.testing.assert_close(found.states[0], expected, rtol=1e-4, atol=1e-5)
    assert found.panels == tuple(PANELS)


def test_what_is_read_at_the_edited_block_has_been_edited(tiny, fitted, charted):
    """A flip with k directions mirrors exactly these coordinates of the baseline's state."""
    panels = [parse("baseline"), parse("flip:k=2"), parse("nullspace:k=2")]
    found = trace(tiny, fitted, charted, PROMPT, panels)
    place = fitted.inlp_point
    subspace = fitted.subspace("inlp", place).leading(2)
    at = charted.layers.index(place[1])
    baseline, flipped, erased = found.states[:, at] @ subspace.basis.T
    assert baseline.norm() > 1e-3
    torch.testing.assert_close(flipped, -baseline, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(erased, torch.zeros(2), rtol=0, atol=1e-5)


def test_a_panel_traces_the_same_alone_and_beside_others_to_the_last_bit(tiny, fitted, charted):
    texts = ["I am sorry.", "Sure, here is how.", "", "As an AI"]
    for answers in (None, [tiny.template.encode(text) for text in texts]):
        together = trace(tiny, fitted, charted, PROMPT, PANELS, answers=answers)
        for row, panel in enumerate(PANELS):
            own = None if answers is None else [answers[row]]
            alone = trace(tiny, fitted, charted, PROMPT, [panel], answers=own)
            assert torch.equal(together.states[row], alone.states[0])
            assert torch.equal(together.t[row], alone.t[0])


def test_answers_of_any_length_leave_the_requests_place_alone(tiny, fitted, charted):
    short = trace(tiny, fitted, charted, PROMPT, PANELS)
    answers = ["I am sorry.", "Sure, here is how to wash the dog.", "", "As an AI"]
    ids = [tiny.template.encode(text) for text in answers]
    long = trace(tiny, fitted, charted, PROMPT, PANELS, answers=ids)
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


# What is kept


MOVES = (
    ("baseline", "flip:k=2", "nullspace:layer=2", "ablation"),
    ("baseline", "flip:k=1", "nullspace:layer=2", "ablation"),
    ("baseline", "flip:layer=3", "nullspace:layer=2", "ablation:alpha=0.5"),
    ("actadd:c=2,layer=2", "flip:center=midpoint", "nullspace:where=all,k=1"),
    ("baseline", "flip:k=2", "flip:alpha=0", "ablation"),
)
"""What a visitor's page asks for, one after another."""


def whole(
    model: ChatModel, directions: Directions, maps: Maps, panel: Panel
) -> tuple[torch.Tensor, torch.Tensor]:
    """Trace with one whole pass, as the model itself runs."""
    ids = model.render(PROMPT)
    with (
        torch.inference_mode(),
        intervene(model, compile_edits([panel.edit(directions)])),
        reading(model, maps.layers) as read,
    ):
        model.network(input_ids=torch.tensor([ids]), use_cache=False)
    states = torch.stack([read[layer][0, maps.position].float() for layer in maps.layers])
    t = torch.stack([maps.at(layer).t(read[layer][0].float()) for layer in maps.layers], dim=1)
    return states, t


@pytest.fixture(params=["float32", "bfloat16"])
def number_format(request) -> torch.dtype:
    return getattr(torch, request.param)


def test_what_is_kept_gives_the_numbers_of_whole_passes_bit_by_bit(
    family_model, number_format, own_copy, fitted, charted
):
    network, tokenizer = own_copy(family_model)
    openers = list(family_model.openers)
    model = inspect("copy", network.to(number_format), tokenizer, openers=openers)
    # All tiny models are of one width and depth, and any directions change where they go.
    directions = replace(fitted, model="copy")
    dtype = str(number_format).removeprefix("torch.")
    charted = replace(charted, model="copy", dtype=dtype)
    tracer = Tracer(SteerableModel(model, directions, charted))
    expected = {
        form: whole(model, directions, charted, parse(form))
        for form in dict.fromkeys(form for forms in MOVES for form in forms)
    }
    for forms in MOVES:
        found = tracer.trace(PROMPT, [parse(form) for form in forms])
        for row, form in enumerate(forms):
            states, t = expected[form]
            assert torch.equal(found.states[row], states), form
            assert torch.equal(found.t[row], t), form
    # Every panel but `flip:alpha=0` goes its own way, so that equal numbers mean something.
    assert len({tuple(s.flatten().tolist()) for s, _ in expected.values()}) == len(expected) - 1


@pytest.fixture
def ran(tiny):
    """Numbers of the blocks whose attention has run, in order."""
    with blocks_run(tiny) as found:
        yield found


def test_only_what_changed_is_run_and_only_from_its_edit_to_the_last_map(
    tiny, fitted, charted, ran
):
    tracer = Tracer(SteerableModel(tiny, fitted, charted))

    def run(*forms: str) -> list[int]:
        ran.clear()
        tracer.trace(PROMPT, [parse(form) for form in forms])
        return list(ran)

    # The last map is of the last block's input, so that block runs never.
    assert run("baseline") == [0, 1, 2]
    assert run("baseline", "flip:layer=2", "ablation") == [2, 0, 1, 2]
    assert run("flip:layer=2", "baseline", "ablation", "flip:layer=2,k=2") == []
    assert run("baseline", "flip:layer=2,k=1", "ablation") == [2]
    assert run("actadd:layer=3", "flip:alpha=0") == []
    # Another request knows nothing of this one, and runs its baseline for whoever starts there.
    ran.clear()
    tracer.trace("How do I wash a car?", [parse("flip:layer=2"), parse("actadd:layer=1")])
    assert ran == [0, 1, 2, 2, 1, 2]


def same(one: Trace, other: Trace) -> bool:
    return torch.equal(one.states, other.states) and all(map(torch.equal, one.t, other.t))


def test_memory_is_bounded_and_the_request_longest_ago_is_forgotten_first(
    tiny, fitted, charted, ran
):
    texts = [f"How do I wash the {thing}?" for thing in ("dog", "car", "cat")]
    fresh = [trace(tiny, fitted, charted, text, PANELS) for text in texts]
    free = Tracer(SteerableModel(tiny, fitted, charted))
    sizes = []
    for text in texts:
        free.trace(text, PANELS)
        sizes.append(free.size)
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    tracer = Tracer(SteerableModel(tiny, fitted, charted), limit=sizes[2] - 1)

    def runs(text: str) -> bool:
        ran.clear()
        assert same(tracer.trace(text, PANELS), fresh[texts.index(text)])
        assert tracer.size < sizes[2]
        return bool(ran)

    assert [runs(text) for text in texts] == [True, True, True]
    assert not runs(texts[2])
    assert runs(texts[0])
    # A request that is asked about again becomes the latest.
    assert not runs(texts[2])
    assert runs(texts[1])
    assert not runs(texts[2])


def test_what_is_larger_than_the_memory_is_not_kept_and_traced_all_the_same(tiny, fitted, charted):
    tracer = Tracer(SteerableModel(tiny, fitted, charted), limit=100)
    fresh = trace(tiny, fitted, charted, PROMPT, PANELS)
    for _ in range(2):
        assert same(tracer.trace(PROMPT, PANELS), fresh)
        assert tracer.size == 0


def test_answers_leave_what_is_kept_alone(tiny, fitted, charted):
    tracer = Tracer(SteerableModel(tiny, fitted, charted))
    before, size = tracer.trace(PROMPT, PANELS), tracer.size
    tracer.trace(PROMPT, PANELS, answers=[tiny.template.encode("I am sorry.")] * len(PANELS))
    assert tracer.size == size
    assert same(tracer.trace(PROMPT, PANELS), before)


def test_a_pass_that_was_stopped_leaves_nothing_wrong_behind(tiny, fitted, charted, monkeypatch):
    tracer = Tracer(SteerableModel(tiny, fitted, charted))
    calls = []

    def stopping(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return intervene(*given)

    with monkeypatch.context() as patched:
        patched.setattr("steering.maps.residual_trace.intervene", stopping)
        with pytest.raises(KeyboardInterrupt):
            tracer.trace(PROMPT, PANELS)
    assert same(tracer.trace(PROMPT, PANELS), trace(tiny, fitted, charted, PROMPT, PANELS))


def test_maps_that_end_below_an_edit_show_the_baseline_there(tiny, fitted, charted):
    low = replace(charted, layers=charted.layers[:2], charts=charted.charts[:2])
    found = trace(tiny, fitted, low, PROMPT, [parse("baseline"), parse("flip:layer=3")])
    assert torch.equal(found.states[0], found.states[1])
    high = trace(tiny, fitted, charted, PROMPT, [parse("baseline"), parse("flip:layer=3")])
    assert torch.equal(high.states[1, :2], found.states[1])
    assert not torch.equal(high.states[0, 2], high.states[1, 2])
