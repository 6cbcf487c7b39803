from types import SimpleNamespace

import gradio as gr
import pytest

from steering.errors import SteeringError
from steering.ui.anatomy import own_place
from steering.ui.map import locate
from steering.ui.own_progress import say
from tests.helpers.engines import busy, ready

VISITOR = SimpleNamespace(session_hash="a")


@pytest.fixture
def engine(tiny, fitted):
    return ready(tiny, fitted)


def test_what_is_not_there_is_said(engine):
    document, steerable = own_place.ready(engine, {"n": 1}, "numbers")
    assert document == {"n": 1}
    assert steerable.directions is engine.directions
    with pytest.raises(SteeringError, match="numbers are not measured"):
        own_place.ready(engine, None, "numbers")
    engine.model = None
    with pytest.raises(SteeringError, match="not loaded here"):
        own_place.ready(engine, {"n": 1}, "numbers")


def test_the_model_is_given_back_whatever_happens(engine):
    wanted = []

    def fails():
        with own_place.turn(engine, VISITOR):
            wanted.append(engine.wanted)
            return 1 / 0

    with pytest.raises(ZeroDivisionError):
        fails()
    assert wanted == [True], "background work waits"
    assert not engine.wanted
    assert engine.reading.acquire(timeout=0)
    engine.reading.release()


def test_whoever_meets_a_busy_model_is_told(engine, monkeypatch):
    monkeypatch.setattr(locate, "_PATIENCE_SECONDS", 0.01)
    with (
        busy(engine),
        pytest.raises(SteeringError, match="busy"),
        own_place.turn(engine, VISITOR),
    ):
        pytest.fail("it was entered")
    assert not engine.wanted, "nobody waits any more"


def test_whoever_asks_too_often_is_told(engine):
    engine.allowance.per_minute = 1
    with own_place.turn(engine, VISITOR):
        pass
    with pytest.raises(SteeringError, match="1 runs a minute"), own_place.turn(engine, VISITOR):
        pytest.fail("it was entered")


def test_what_was_found_is_shown_and_a_mistake_leaves_the_map_alone():
    assert own_place.told(lambda: ("a map", "Placed.")) == ("a map", say("Placed."))

    def wrong():
        raise SteeringError("the request is empty")

    board, said = own_place.told(wrong)
    assert board == gr.skip()
    assert "The request is empty" in said
