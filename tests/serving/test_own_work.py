"""Work of visitors: one piece at a time, stopped at a click, ended when somebody leaves."""

from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.serving.own_work import OwnWork
from steering.system.progress import Step
from tests.helpers.engines import ready


@pytest.fixture
def work(tiny, fitted):
    return OwnWork(ready(tiny, fitted), "another pair is being patched")


def steps(closed):
    try:
        for number in range(3):
            yield Step("Reading", number, 3, "text")
        return "found"
    finally:
        closed.append("closed")


def test_a_piece_returns_what_it_found_and_a_stopped_one_nothing(work):
    closed = []
    piece = work.one("a", lambda: steps(closed))
    assert [step.done for step in iter(lambda: next(piece, None), None)] == [0, 1, 2]
    piece = work.one("a", lambda: steps(closed))
    next(piece)
    work.stop("b")
    assert next(piece).done == 1
    work.stop("a")
    with pytest.raises(StopIteration) as end:
        next(piece)
    assert end.value.value is None
    assert closed == ["closed"] * 2


def test_there_is_one_at_a_time_until_it_ends_breaks_or_is_left(work):
    def broken():
        yield Step("Reading", 0, 3, "text")
        raise SteeringError("no")

    closed = []
    first = work.one("a", lambda: steps(closed))
    next(first)
    with pytest.raises(SteeringError, match="another pair is being patched on this machine"):
        next(work.one("b", lambda: steps(closed)))
    first.close()
    assert closed == ["closed"]
    with pytest.raises(SteeringError, match="no"):
        list(work.one("b", broken))
    assert next(work.one("c", lambda: steps(closed))).done == 0


def test_without_a_model_it_says_why(work):
    engine = work.engine
    engine.status = replace(engine.status, phase="recorded")
    with pytest.raises(SteeringError, match="no model runs here"):
        work.loaded()
    engine.status, engine.model = replace(engine.status, phase="loading"), None
    with pytest.raises(SteeringError, match="not there yet"):
        work.loaded()
