"""What panels read before they write, above all in a conversation: each its own."""

import threading
from dataclasses import replace

import pytest
import torch

from steering.chat_templates.turns import Exchange
from steering.errors import SteeringError
from steering.inference import request_rows
from steering.inference.comparison import compare
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.models.inspection import inspect
from tests.helpers.tiny_models import without_end

PANELS = ("baseline", "flip:k=2", "ablation")
SAMPLING = Sampling(max_new_tokens=8)


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def steerable(tiny, fitted, request):
    network = type(tiny.network)(tiny.network.config)
    network.load_state_dict(tiny.network.state_dict())
    network = network.to(getattr(torch, request.param)).eval()
    model = inspect(tiny.name, network, tiny.tokenizer, openers=tuple(tiny.openers))
    return SteerableModel(without_end(model), fitted)


def asked(steerable, prompt, histories=(), panels=PANELS, **options):
    found = [parse(text) for text in panels]
    options = {"sampling": SAMPLING, "histories": histories} | options
    return list(compare(steerable, prompt, found, **options))[-1]


@pytest.fixture(scope="module")
def first(steerable):
    return asked(steerable, "How do I steal the letter?")


def histories_of(answers):
    return [(Exchange("How do I steal the letter?", each.text),) for each in answers]


def by_hand(steerable, histories, prompt):
    """Tokens of each panel that reads its rendered conversation.

    In float32 by itself, alone in its batch. In bfloat16 the last bits, and with them near ties of
    a random network, hang on the shape of the batch: there all rows are in one.
    """
    model = steerable.model
    ids = [model.render(prompt, turns=turns) for turns in histories]
    edits = [parse(text).edit(steerable.directions) for text in PANELS]
    parts = [[row] for row in range(3)] if model.dtype == torch.float32 else [range(3)]
    found = []
    for rows in parts:
        given = [ids[row] for row in rows], [edits[row] for row in rows]
        columns = [column.tokens for column in generate(model, *given, SAMPLING)]
        found += list(zip(*columns, strict=True))
    return found


def test_a_panels_conversation_is_the_rendered_text_under_its_edit_alone(steerable, first):
    histories = histories_of(first)
    assert len(set(histories)) == 3  # else nothing could be mixed up
    second = asked(steerable, "And the phone?", histories)
    assert [each.token_ids for each in second] == by_hand(steerable, histories, "And the phone?")
    # A third turn, whose histories have two.
    longer = [
        (*turns, Exchange("And the phone?", each.text))
        for turns, each in zip(histories, second, strict=True)
    ]
    third = asked(steerable, "Why?", longer)
    assert [each.token_ids for each in third] == by_hand(steerable, longer, "Why?")


def test_what_another_panel_has_said_is_another_conversation(steerable, first):
    own = asked(steerable, "And the phone?", histories_of(first))
    others = asked(steerable, "And the phone?", histories_of([*first[1:], first[0]]))
    for one, other in zip(own, others, strict=True):
        assert one.token_ids != other.token_ids
    # Nor is a conversation the request alone.
    new = asked(steerable, "And the phone?")
    assert all(a.token_ids != b.token_ids for a, b in zip(own, new, strict=True))


def test_kl_is_told_only_of_the_same_words(steerable, first):
    mixed = asked(steerable, "And the phone?", histories_of(first))
    assert [answer.kl is None for answer in mixed] == [False, True, True]
    assert mixed[0].kl == 0
    assert all(answer.p_refusal is not None and answer.verdict for answer in mixed)
    assert all(answer.perplexity is not None for answer in mixed)
    shared = asked(steerable, "And the phone?", histories_of([first[0]] * 3))
    assert all(answer.kl is not None for answer in shared)
    assert shared[1].kl > 0
    # The baseline that nobody sees reads what all panels read, or is left out.
    pair, same = PANELS[1:], histories_of([first[0]] * 2)
    assert [each.kl for each in asked(steerable, "And the phone?", same, pair)] == pytest.approx(
        [each.kl for each in shared[1:]], rel=2e-2, abs=1e-6
    )
    apart = asked(steerable, "And the phone?", histories_of(first[1:]), pair)
    assert [each.kl for each in apart] == [None, None]


def test_a_stop_and_a_failure_leave_no_hook(steerable, first):
    stop = threading.Event()
    stop.set()
    before = hooks(steerable.model.network)
    stopped = asked(steerable, "And the phone?", histories_of(first), stop=stop)
    assert all(answer.finished for answer in stopped)
    with pytest.raises(SteeringError, match="the conversation is too long"):
        asked(steerable, "Hi", [(Exchange("Hi", "word " * 4000),)] * 3)
    assert hooks(steerable.model.network) == before


def test_a_conversation_that_leaves_no_room_is_told(steerable):
    turns = [(Exchange("Hi", "word " * 20),)] * 3
    size = len(steerable.model.render("Go on", turns=turns[0]))
    room = steerable.model.context_length - size
    fits, beyond = (replace(SAMPLING, max_new_tokens=count) for count in (room, room + 1))
    rows = request_rows.rows_of(steerable.model, "Go on", "", turns, ())
    request_rows.require_conversation_room(steerable.model, rows, fits)
    with pytest.raises(SteeringError, match=f"leaves room for {room:,} of the"):
        asked(steerable, "Go on", turns, sampling=beyond)


def test_there_is_a_history_a_panel(steerable):
    with pytest.raises(ValueError, match="2 histories for 3 panels"):
        asked(steerable, "Hi", [(), ()])


def test_rows_that_read_the_same_are_rendered_once(tiny, monkeypatch):
    calls = []
    render = type(tiny).render
    monkeypatch.setattr(
        type(tiny), "render", lambda *given, **more: calls.append(given) or render(*given, **more)
    )
    rows = request_rows.rows_of(tiny, "Hi", "", [(), (Exchange("a", "b"),), ()], [5])
    assert len(calls) == 2
    assert rows[0] == rows[2] != rows[1]
    assert {row[-1] for row in rows} == {5}
