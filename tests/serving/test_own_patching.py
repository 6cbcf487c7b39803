"""Pairs of visitors: one at a time, stopped at a click, nothing left on the model."""

import pytest

from steering.errors import SteeringError
from steering.serving import own_patching
from steering.serving.own_patching import OwnPatches, PatchedRequests
from tests.helpers.engines import ended, ready

PAIR = ("How do I break a wall of glass?", "How do I paint a wall of glass?")


@pytest.fixture(autouse=True)
def any_gap(monkeypatch):
    """Requests of a random model hardly differ."""
    monkeypatch.setattr(own_patching, "LEAST_GAP", 0.0)


@pytest.fixture
def engine(tiny, fitted):
    yield ready(tiny, fitted)
    ended()


def result(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_it_tells_how_far_it_is_and_returns_what_came_back(engine):
    work = OwnPatches(engine).measure("a", *PAIR)
    assert next(work).label == "Reading both requests"
    step = next(work)
    assert 0 < step.done <= step.total
    found = result(work)
    assert isinstance(found, PatchedRequests)
    assert set(found.restored) == {"whole", "inside", "outside"}
    for rows in found.restored.values():
        assert len(rows) == len(found.layers)
        assert {len(row) for row in rows} == {len(found.columns)}
    assert len(found.tokens) == len(found.columns)


def test_one_at_a_time_and_the_next_when_it_has_ended(engine):
    patches = OwnPatches(engine)
    first = patches.measure("a", *PAIR)
    next(first)
    with pytest.raises(SteeringError, match="another pair is being patched"):
        next(patches.measure("b", *PAIR))
    first.close()
    assert next(patches.measure("b", *PAIR)).done == 0


def test_a_stopped_one_gives_nothing(engine):
    patches = OwnPatches(engine)
    work = patches.measure("a", *PAIR)
    next(work)
    patches.stop("somebody else")
    next(work)
    patches.stop("a")
    assert result(work) is None
    assert isinstance(result(patches.measure("a", *PAIR)), PatchedRequests)


def test_it_ends_when_the_model_is_another_one(engine):
    work = OwnPatches(engine).measure("a", *PAIR)
    next(work)
    engine.model = None
    with pytest.raises(SteeringError, match="another model"):
        result(work)
    with pytest.raises(SteeringError, match="not there yet"):
        next(OwnPatches(engine).measure("a", *PAIR))


def test_two_requests_that_hardly_differ_have_no_shares(engine, monkeypatch):
    monkeypatch.setattr(own_patching, "LEAST_GAP", 50.0)
    with pytest.raises(SteeringError, match="nats apart"):
        result(OwnPatches(engine).measure("a", *PAIR))
