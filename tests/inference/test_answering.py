"""A loop that is refilled: every prompt gets what it gets alone, whoever is beside it."""

import random
from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference import answering, row_limit
from steering.inference.answering import answered, requests_for, write_all
from steering.inference.decode_request import DecodeRequest
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from steering.inference.written import Written
from steering.interventions.panel import parse
from steering.models.capabilities import Abilities
from tests.helpers.tiny_models import without_end

PROMPTS = (
    "How do I paint a car?",
    "Why",
    "Tell me how to wash the dog, please, and the window.",
    "Who was it?",
    "How do I sell a letter to my boss?",
    "What is a phone for, and who has one?",
    "Why not",
)
TEXTS = ("baseline", "ablation", "nullspace:k=2", "flip:k=2", "actadd:c=2", "flip:alpha=0")
EIGHT = Sampling(max_new_tokens=8)


def ending(model, fitted, sampling):
    """Let tokens end answers that one row comes to early and others late or never."""
    free = [tokens for row in alone(without_end(model), fitted, sampling) for tokens in row]
    return without_end(model, ends=[free[0][2], free[9][5]])


def edits_of(fitted):
    return [parse(text).edit(fitted) for text in TEXTS]


def alone(model, fitted, sampling):
    """Answer each prompt under each panel in a loop of its own."""
    found = []
    for prompt in PROMPTS:
        rows = []
        for edit in edits_of(fitted):
            written = Written(1)
            for column in generate(model, [model.render(prompt)], [edit], sampling):
                written.add(column)
            rows.append(written.tokens[0])
        found.append(rows)
    return found


def together(model, fitted, sampling, rows):
    edits = edits_of(fitted)
    prompts = [model.render(prompt) for prompt in PROMPTS]
    tokens = write_all(model, prompts, edits, sampling, rows=rows).tokens
    return [tokens[start : start + len(edits)] for start in range(0, len(tokens), len(edits))]


@pytest.mark.parametrize("rows", [1, 7, 14, 100])
@pytest.mark.parametrize(
    "sampling",
    [EIGHT, replace(EIGHT, temperature=1.0, seed=3), replace(EIGHT, temperature=0.7, top_p=0.8)],
    ids=["greedy", "drawn", "nucleus"],
)
def test_every_prompt_gets_the_tokens_it_gets_alone(tiny, fitted, rows, sampling):
    model = ending(tiny, fitted, sampling)
    expected = alone(model, fitted, sampling)
    assert together(model, fitted, sampling, rows) == expected
    # Answers end at unlike places, and edits and prompts tell in them.
    assert len({len(tokens) for row in expected for tokens in row}) > 2
    assert len({tuple(row[0]) for row in expected}) > 1
    assert any(row[0] != row[3] for row in expected)


def test_requests_of_unlike_edits_lengths_and_seeds_get_what_they_get_alone(tiny, fitted):
    model = ending(tiny, fitted, EIGHT)
    rng = random.Random(5)
    asked = []
    for number in range(9):
        texts = rng.sample(TEXTS, rng.randint(1, 4))
        sampling = Sampling(rng.randint(2, 12), temperature=rng.choice([0.0, 1.0]), seed=number)
        ids = model.render(rng.choice(PROMPTS))
        edits = [parse(text).edit(fitted) for text in texts]
        asked.append(([ids] * len(texts), edits, sampling))
    requests = ((number, DecodeRequest(*each)) for number, each in enumerate(asked))
    found = {number: each.written for number, each in answered(model, requests, rows=7)}
    for number, each in enumerate(asked):
        expected = Written(len(each[0]))
        for column in generate(model, *each):
            expected.add(column)
        assert found[number].tokens == expected.tokens
        assert found[number].ended == expected.ended


@pytest.mark.parametrize("abilities", [Abilities(joins=False), Abilities(skips=False)])
def test_so_it_does_where_rows_cannot_join_and_where_no_block_can_be_left_out(
    tiny, fitted, abilities
):
    model = replace(ending(tiny, fitted, EIGHT), abilities=abilities)
    assert together(model, fitted, EIGHT, 14) == alone(model, fitted, EIGHT)


def test_a_refill_under_another_rows_edits_would_be_seen(tiny, fitted, monkeypatch):
    """The counter-check: rows that join get the edits in another order than they were read under.

    It is the loop's own law that is broken, not the comparison's: lengths and prompts are right.
    """
    model = without_end(tiny)
    expected = alone(model, fitted, EIGHT)

    def mixed(*arguments, **options):
        for chunk, request in requests_for(*arguments, **options):
            request.edits = request.edits[::-1]
            yield chunk, request

    monkeypatch.setattr(answering, "requests_for", mixed)
    assert together(model, fitted, EIGHT, 14) != expected


def test_a_beginning_that_was_read_under_another_edit_would_be_seen(tiny, fitted, monkeypatch):
    model = without_end(tiny)
    expected = alone(model, fitted, EIGHT)
    real = answering.prefill

    def mixed(*arguments):
        found = real(*arguments)
        return replace(found, kept=found.kept[::-1])

    monkeypatch.setattr(answering, "prefill", mixed)
    assert together(model, fitted, EIGHT, 14) != expected


def requests(model, count, tokens):
    for number in range(count):
        ids = model.render(PROMPTS[number % len(PROMPTS)])
        yield number, DecodeRequest([ids] * 2, [None] * 2, Sampling(max_new_tokens=tokens[number]))


def widths_of(model, work):
    """Count the rows of each pass that gives one token a row."""
    widths = []
    handle = model.blocks[0].mlp.register_forward_hook(
        lambda _m, _a, out: widths.append(len(out)) if out.shape[1] == 1 else None
    )
    found = list(work)
    handle.remove()
    return found, widths


def test_the_number_of_rows_is_held_up_until_nothing_is_left(tiny, fitted):
    model = without_end(tiny)
    edits = [None, parse("flip:k=2").edit(fitted)]
    rng = random.Random(1)
    asked = [
        (
            number,
            DecodeRequest(
                [model.render(rng.choice(PROMPTS))] * 2, edits, Sampling(rng.randint(6, 16))
            ),
        )
        for number in range(12)
    ]
    found, widths = widths_of(model, answered(model, iter(asked), rows=9))
    assert sorted(name for name, _ in found) == list(range(12))
    assert max(widths) == 8  # a fifth request would have ten
    last = max(place for place, width in enumerate(widths) if width == 8)
    # One request joins a step; where two end at once, the second gap is there a step longer.
    assert min(widths[4:last]) >= 4
    assert sum(widths[4:last]) >= 0.9 * 8 * (last - 4)


def test_a_request_is_taken_when_there_is_room_and_not_before(tiny):
    model, taken = without_end(tiny), []

    def told():
        for name, request in requests(model, 4, [3] * 4):
            taken.append(name)
            yield name, request

    found = answered(model, told(), rows=1)
    next(found)
    assert taken == [0, 1]  # the one that waits
    assert [name for name, _ in found] == [1, 2, 3]


def test_rows_are_limited_by_memory_but_one_request_is_always_answered(tiny, monkeypatch):
    model = without_end(tiny)
    monkeypatch.setattr(row_limit, "_MEMORY", 0)
    found, widths = widths_of(model, answered(model, requests(model, 3, [4] * 3), rows=100))
    assert [name for name, _ in found] == [0, 1, 2]
    assert set(widths) == {1}  # of two rows that are alike one is computed


def test_an_error_of_one_request_is_raised(tiny, damaged_logits):
    with pytest.raises(SteeringError, match="not finite"):
        list(answered(damaged_logits, requests(damaged_logits, 2, [3, 3]), rows=4))
    with pytest.raises(SteeringError, match="leaves room for"):
        list(answered(tiny, requests(tiny, 1, [4000]), rows=4))


@pytest.fixture
def damaged_logits(tiny, monkeypatch):
    from steering.models import overflow

    monkeypatch.setattr(
        overflow, "readable_rows", lambda logits: torch.zeros(len(logits), dtype=torch.bool)
    )
    return tiny


def test_what_all_prompts_begin_with_is_read_once_under_each_edit(tiny, fitted):
    edits = edits_of(fitted)[:2]
    prompts = [tiny.render(prompt) for prompt in PROMPTS]
    tokens = []
    handle = tiny.blocks[0].mlp.register_forward_hook(
        lambda _m, _a, out: tokens.append(out.shape[0] * out.shape[1])
    )
    chunks = list(requests_for(tiny, prompts, edits, EIGHT, rows=8))
    handle.remove()
    common = chunks[0][1].begun[0][0][0].shape[1]
    assert common > 2
    assert all(prompt[:common] == prompts[0][:common] for prompt in prompts)
    assert sum(tokens) <= 2 * common
    order = [index for chunk, _ in chunks for index in chunk]
    assert [len(prompts[index]) for index in order] == sorted(map(len, prompts))


def test_prompts_share_requests_whatever_of_them_is_wanted(tiny):
    prompts = [tiny.render(prompt) for prompt in PROMPTS]
    every = list(requests_for(tiny, prompts, [None], EIGHT, rows=8))
    assert [len(chunk) for chunk, _ in every] == [2, 2, 2, 1]
    wanted = {every[1][0][0], every[3][0][0]}
    some = list(requests_for(tiny, prompts, [None], EIGHT, rows=8, wanted=wanted))
    assert [chunk for chunk, _ in some] == [every[1][0], every[3][0]]
    first, again = every[1][1].begun[0][0][0], some[0][1].begun[0][0][0]
    assert torch.equal(first, again)


def test_nothing_is_asked_of_no_prompts(tiny):
    assert write_all(tiny, [], [None], EIGHT, rows=4).tokens == []
