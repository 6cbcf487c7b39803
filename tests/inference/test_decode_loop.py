"""Rows of many requests in one loop: none may see another, whoever joins or leaves."""

import random

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.decode_loop import DecodeLoop
from steering.inference.decode_request import DecodeRequest
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from tests.helpers.tiny_models import without_end

PROMPTS = ("How do I paint a car?", "Why", "Tell me how to wash the dog, please, and the window.")
TEXTS = ("baseline", "ablation", "nullspace:k=2", "flip:k=2", "actadd:c=2", "flip:side=harmful")


def request(model, fitted, which, tokens=8, **sampling):
    rng = random.Random(which)
    texts = rng.sample(TEXTS, rng.randint(1, 4))
    ids = model.render(PROMPTS[which % len(PROMPTS)])
    edits = [parse(text).edit(fitted) for text in texts]
    return DecodeRequest([ids] * len(edits), edits, Sampling(max_new_tokens=tokens, **sampling))


def collect(columns, rows):
    return [[column.tokens[row] for column in columns] for row in range(rows)]


def alone(model, asked):
    columns = list(generate(model, asked.rows, asked.edits, asked.sampling))
    return collect(columns, len(asked.rows))


def play(model, joins, leaves=None):
    """Step until all is over; `joins` and `leaves` say before which step, by request."""
    loop, found = DecodeLoop(model), {asked: [] for asked in joins}
    for number in range(1000):
        for asked, when in joins.items():
            if when == number:
                loop.join(asked)
        for asked, when in (leaves or {}).items():
            if when == number:
                asked.over = True
        for asked, column in loop.step():
            found[asked].append(column)
        if number >= max(joins.values()) and all(asked.over for asked in joins):
            return found
    raise AssertionError("it never ends")


@pytest.mark.parametrize("seed", range(6))
def test_a_request_gets_the_tokens_it_gets_alone_whoever_joins_and_leaves(tiny, fitted, seed):
    rng = random.Random(seed)
    model = tiny if seed % 2 else without_end(tiny)
    sampling = [{}, {"temperature": 1.0, "seed": seed}, {"temperature": 0.7, "top_p": 0.8}]
    joins = {
        request(model, fitted, 10 * seed + index, rng.randint(2, 12), **sampling[index % 3]): (
            rng.randint(0, 9)
        )
        for index in range(5)
    }
    quits = next(iter(joins))
    found = play(model, joins, {quits: joins[quits] + 3})
    for asked, columns in found.items():
        expected = alone(model, asked)
        tokens = collect(columns, len(asked.rows))
        if asked is quits:
            expected = [row[: len(columns)] for row in expected]
        assert tokens == expected


def test_a_request_that_is_left_costs_no_further_pass(tiny, fitted):
    model = without_end(tiny)
    stays, goes = (request(model, fitted, which, 20) for which in (1, 2))
    loop, widths = DecodeLoop(model), []
    loop.join(stays)
    loop.join(goes)
    for _ in range(4):
        loop.step()
    handle = model.blocks[0].mlp.register_forward_hook(lambda _m, _a, out: widths.append(len(out)))
    loop.step()
    goes.over = True
    loop.step()
    handle.remove()
    assert widths == [len(stays.written) + len(goes.written), len(stays.written)]


def test_a_row_that_has_ended_costs_nothing_from_then_on(tiny):
    ids = [tiny.render(prompt) for prompt in PROMPTS]
    free = alone(without_end(tiny), DecodeRequest(ids, [None] * 3, Sampling(max_new_tokens=10)))
    # A token that one row comes to in the middle, and the others do not.
    row, place = next(
        (row, place)
        for row in range(3)
        for place in range(2, 8)
        if free[row][place] not in free[row][:place]
        and all(free[row][place] not in free[other] for other in range(3) if other != row)
    )
    model = without_end(tiny, ends=[free[row][place]])
    widths = []
    handle = model.blocks[0].mlp.register_forward_hook(lambda _m, _a, out: widths.append(len(out)))
    list(generate(model, ids, [None] * 3, Sampling(max_new_tokens=10)))
    handle.remove()
    # The first pass reads the requests; the token at `place` is chosen after that many steps.
    assert widths == [3] * (place + 1) + [2] * (9 - place)


def test_rows_that_are_alike_are_computed_once_and_say_the_same(tiny, fitted):
    model = without_end(tiny)
    ids = model.render(PROMPTS[0])
    flip = [parse("flip:k=2").edit(fitted) for _ in range(2)]
    edits = [None, *flip, parse("flip:alpha=0").edit(fitted), parse("flip:k=1").edit(fitted)]
    asked = DecodeRequest([ids] * 5, edits, Sampling(max_new_tokens=6, temperature=1.0))
    assert asked.same == [0, 1, 1, 0, 4]
    tokens = collect(play(model, {asked: 0})[asked], 5)
    assert tokens[1] == tokens[2]
    assert tokens[0] == tokens[3]
    assert len({tuple(each) for each in tokens}) == 3


def test_the_one_that_waits_longest_is_read_first_and_one_a_step(tiny, fitted):
    model = without_end(tiny)
    asked = [request(model, fitted, which, 5) for which in range(3)]
    loop = DecodeLoop(model)
    for each in asked:
        loop.join(each)
    begun = []
    for _ in range(3):
        begun.append([asked.index(each) for each, _ in loop.step()])
    assert begun == [[0], [0, 1], [0, 1, 2]]


def test_a_request_without_room_is_refused_and_the_others_go_on(tiny, fitted):
    model = without_end(tiny)
    loop, fine = DecodeLoop(model), request(model, fitted, 1, 5)
    loop.join(fine)
    with pytest.raises(SteeringError, match="leaves room for"):
        loop.join(request(model, fitted, 2, 4000))
    found = []
    while not fine.over:
        found.extend(loop.step())
    assert len(found) == 5


def test_an_unedited_row_without_finite_numbers_ends_its_request_alone(tiny, fitted, monkeypatch):
    from steering.models import overflow

    model = without_end(tiny)
    good, bad = request(model, fitted, 1, 5), DecodeRequest([[5, 6, 7]], [None], Sampling(5))
    real = overflow.readable_rows
    shapes = []

    def broken(logits):
        shapes.append(len(logits))
        fine = real(logits)
        # The one row of the bad request, in its second column.
        return fine & False if len(logits) == 1 and shapes.count(1) == 2 else fine

    assert len(good.written) > 1
    monkeypatch.setattr(overflow, "readable_rows", broken)
    found = play(model, {good: 0, bad: 1})
    assert isinstance(found[bad][-1], SteeringError)
    assert len(found[bad]) == 2
    assert len(found[good]) == 5


def test_an_error_in_a_pass_leaves_no_hooks(tiny, fitted):
    model = without_end(tiny)
    loop = DecodeLoop(model)
    loop.join(request(model, fitted, 3, 5))
    loop.step()

    def count():
        return sum(len(each._forward_pre_hooks) for each in model.network.modules())

    def fail(*_):
        raise torch.OutOfMemoryError

    before = count()
    handle = model.blocks[2].mlp.register_forward_hook(fail)
    with pytest.raises(torch.OutOfMemoryError):
        loop.step()
    handle.remove()
    assert count() == before


@pytest.mark.parametrize("sampling", [{}, {"temperature": 1.0, "top_p": 0.8}])
def test_after_the_first_column_no_logits_leave_the_device(tiny, fitted, sampling, monkeypatch):
    asked = request(without_end(tiny), fitted, 3, **sampling)
    loop, taken = DecodeLoop(without_end(tiny)), []
    loop.join(asked)
    loop.step()
    to_cpu = torch.Tensor.cpu
    monkeypatch.setattr(
        torch.Tensor, "cpu", lambda self, *more: (taken.append(self.shape), to_cpu(self, *more))[1]
    )
    for _ in range(3):
        ((_, column),) = loop.step()
        assert column.logits is None
    assert taken == []
