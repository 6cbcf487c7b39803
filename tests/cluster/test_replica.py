"""What a replica does, without Ray around it."""

import asyncio
import contextlib
from dataclasses import asdict

import pytest
import torch

from steering.cluster.replica import MOST_REQUESTS, Replica
from steering.errors import SteeringError
from steering.inference import generation
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving import held_model, plain_forms
from tests.helpers.tiny_models import without_end

ROOM = Sampling(6, temperature=1.0, seed=3)


class Keeping(Replica):
    """Keeps what it has loaded, as a deployment does."""

    def __init__(self, *given):
        super().__init__(*given)
        self.kept = {}

    async def steps(self, key):
        if key not in self.kept:
            self.kept[key] = await self.loaded(key)
        return self.kept[key]


@pytest.fixture
def asked(tiny, fitted):
    edits = [None, parse("flip:k=2").edit(fitted)]
    return {
        "model": held_model.of_model(tiny).key,
        "rows": [tiny.render("How do I paint a car?")] * 2,
        "edits": [None, plain_forms.of_edit(edits[1])],
        "sampling": asdict(ROOM),
    }, edits


def written(replica, asked):
    async def work():
        return [each async for each in replica.columns(asked)]

    return asyncio.run(work())


def test_requests_at_once_are_answered_as_alone(tiny, asked):
    plain, edits = asked
    replica = Keeping(lambda _held: tiny)

    async def work():
        async def one():
            return [each async for each in replica.columns(plain)]

        return await asyncio.gather(*(one() for _ in range(3)))

    here = [column.tokens for column in generation.generate(tiny, plain["rows"], edits, ROOM)]
    for found in asyncio.run(work()):
        assert [plain_forms.column(each).tokens for each in found] == here
    assert (replica.now, replica.left) == (0, 0)
    assert len(replica.kept) == 1


def test_more_requests_than_threads_wait_and_none_is_forgotten(tiny, asked):
    plain, _ = asked
    replica = Keeping(lambda _held: tiny)

    async def work():
        async def one():
            return len([each async for each in replica.columns(plain)])

        return await asyncio.gather(*(one() for _ in range(MOST_REQUESTS + 4)))

    assert asyncio.run(work()) == [6] * (MOST_REQUESTS + 4)


@pytest.mark.parametrize("how", ["closed", "cancelled"])
def test_a_request_that_is_left_takes_its_rows_along(tiny, asked, how):
    endless = without_end(tiny)
    plain = asked[0] | {"sampling": asdict(Sampling(200))}
    replica = Keeping(lambda _held: endless)

    async def work():
        found = replica.columns(plain)
        await anext(found)
        if how == "closed":
            await found.aclose()
        else:
            later = asyncio.ensure_future(_rest(found))
            await asyncio.sleep(0)
            later.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await later
            await found.aclose()
        (steps,) = replica.kept.values()
        while steps.working:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(work(), 60))
    assert (replica.now, replica.left) == (0, 1)


async def _rest(found):
    return [each async for each in found]


def test_what_cannot_be_held_is_a_sentence_and_no_reason_to_be_replaced(asked):
    def load(_held):
        raise SteeringError("no such weights")

    replica = Replica(load)
    assert written(replica, asked[0]) == [{"error": "no such weights"}]
    assert asyncio.run(replica.warm(asked[0]["model"])) == "no such weights"
    asyncio.run(replica.reconfigure({"model": asked[0]["model"]}))
    assert replica.left == 0


def test_a_model_is_loaded_as_the_key_says(tiny, asked):
    seen = []
    replica = Replica(lambda held: seen.append(held) or tiny)
    assert asyncio.run(replica.warm(asked[0]["model"])) == ""
    assert seen == [held_model.of_model(tiny)]


def test_a_pass_that_fails_is_told_and_the_next_request_is_answered(tiny, asked):
    replica = Keeping(lambda _held: tiny)
    hook = tiny.network.register_forward_pre_hook(lambda *_: 1 / 0)
    try:
        (found,) = written(replica, asked[0])
    finally:
        hook.remove()
    assert "ZeroDivisionError" in found["failed"]
    assert len(written(replica, asked[0])) == ROOM.max_new_tokens
    assert asyncio.run(replica.facts())["left"] == 0


def test_a_processor_that_is_lost_ends_the_process(tiny, asked, monkeypatch):
    replica, left = Replica(lambda _held: tiny), []
    monkeypatch.setattr(replica, "_leave", left.append)

    def lost(*_):
        raise torch.AcceleratorError("an illegal memory access was encountered")

    hook = tiny.network.register_forward_pre_hook(lost)
    try:
        assert written(replica, asked[0]) == []
    finally:
        hook.remove()
    assert left == [1]


class Counting(Keeping):
    """Has room for five rows, and notes who is let in.

    Attributes:
        came: The number of rows of each request, as it is continued.
        at_once: How many rows were continued then, its own among them.
    """

    def __init__(self, *given):
        super().__init__(*given)
        self.came, self.at_once = [], []

    async def loaded(self, key):
        steps = await super().loaded(key)
        generate = steps.generate

        def counted(model, rows, *given, **named):
            self.came.append(len(rows))
            self.at_once.append(self._rows)
            return generate(model, rows, *given, **named)

        steps.generate = counted
        return steps


def of(asked, rows, tokens=6):
    sampling = asdict(Sampling(tokens))
    return asked | {"rows": asked["rows"][:1] * rows, "edits": [None] * rows, "sampling": sampling}


@pytest.fixture
def five(tiny, monkeypatch):
    monkeypatch.setattr("steering.cluster.replica.row_limit", lambda *_: 5)
    endless = without_end(tiny)
    return Counting(lambda _held: endless)


def test_rows_that_have_no_room_wait_for_those_that_have(five, asked):
    plain, replica = asked[0], five

    async def work():
        async def one(rows):
            return len([each async for each in replica.columns(of(plain, rows))])

        return await asyncio.gather(*(one(rows) for rows in (2, 2, 2, 9)))

    assert asyncio.run(work()) == [6] * 4
    assert sorted(replica.at_once)[-1] == 9, "more rows than there is room for are continued alone"
    assert max(each for each in replica.at_once if each < 9) <= 5
    assert replica._rows == 0


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
def test_few_rows_that_come_late_pass_no_request_of_many_unless_it_leaves(five, asked, leaves):
    """Room goes by arrival, though there is room for two rows long before there is for four."""
    plain = asked[0]

    async def work():
        await five.warm(plain["model"])
        short, long = (of(plain, 2, tokens) for tokens in (3, 30))
        visitors = []
        for request in (short, long, of(plain, 4), short, short):
            visitors.append(asyncio.ensure_future(_rest(five.columns(request))))
            await asyncio.sleep(0)  # it is in the line before the next one comes
        if leaves:
            visitors.pop(2).cancel()
        return await asyncio.gather(*visitors)

    written = asyncio.run(asyncio.wait_for(work(), 60))
    assert five.came == ([2, 2, 2, 2] if leaves else [2, 2, 4, 2, 2])
    assert [len(each) for each in written] == ([3, 30, 3, 3] if leaves else [3, 30, 6, 3, 3])
    assert (five._rows, len(five._line)) == (0, 0)


def test_whoever_leaves_while_others_use_the_model_is_not_written_for(tiny, asked):
    """The step that waits for the model's turn, in two passes, is the last one of six."""
    passes, replica = [], Keeping(lambda _held: tiny)

    async def work():
        steps = await replica.steps(asked[0]["model"])
        with replica._turn():
            found = asyncio.ensure_future(_rest(replica.columns(asked[0])))
            while not steps.working:
                await asyncio.sleep(0.01)
            found.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await found
            hook = tiny.network.register_forward_pre_hook(lambda *_: passes.append(1))
        while steps.working:
            await asyncio.sleep(0.01)
        hook.remove()

    asyncio.run(asyncio.wait_for(work(), 60))
    assert (len(passes) <= 2, replica.left) == (True, 1)


def test_numbers_that_are_not_finite_are_the_request_s_and_do_not(tiny, asked):
    replica = Replica(lambda _held: tiny)
    first = tiny.network.get_input_embeddings()
    hook = first.register_forward_hook(lambda _m, _a, out: out * torch.nan)
    try:
        (found,) = written(replica, asked[0])
    finally:
        hook.remove()
    assert "finite" in found["error"]
