import threading
import time

import pytest

from steering.errors import SteeringError
from steering.serving.engine import Engine, Supply
from steering.system.progress import Step
from tests.helpers.engines import until


@pytest.fixture
def supply(tiny, fitted):
    return Supply(
        model=lambda _name, _report: tiny,
        directions=lambda _name: fitted,
        recordings=lambda _name: (),
        names={"tiny": "Tiny", "other": "Other"},
    )


@pytest.fixture
def engine(supply):
    return Engine("tiny", supply, places=2)


def test_the_model_is_loaded_in_the_background_and_only_once(tiny, fitted):
    gate, calls = threading.Event(), []

    def load(name, report):
        calls.append(name)
        report(Step("Downloading", 1, 2, "B"))
        gate.wait(5)
        return tiny

    engine = Engine("tiny", Supply(load, lambda _: fitted, lambda _: ()))
    engine.start()
    engine.start()
    until(lambda: engine.status.step is not None)
    assert engine.status.sentence == "Downloading"
    assert engine.model is None
    gate.set()
    until(lambda: engine.status.phase == "ready")
    assert engine.model is tiny
    assert engine.status.sentence == tiny.number_format.reason
    assert calls == ["tiny"]


def test_a_failure_is_a_sentence_and_trying_again_works(tiny, fitted):
    outcomes = [SteeringError("no network; connect and try again"), tiny]

    def load(_name, _report):
        outcome = outcomes.pop(0)
        if isinstance(outcome, SteeringError):
            raise outcome
        return outcome

    engine = Engine("tiny", Supply(load, lambda _: fitted, lambda _: ()))
    engine.start()
    until(lambda: engine.status.phase == "failed")
    assert "no network" in engine.status.sentence
    engine.start()
    assert engine.status.phase == "failed"
    engine.start(again=True)
    until(lambda: engine.status.phase == "ready")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_while_loading_does_not_leave_visitors_waiting_for_ever(fitted):
    def load(_name, _report):
        raise KeyError("bug")

    engine = Engine("tiny", Supply(load, lambda _: fitted, lambda _: ()))
    engine.start()
    until(lambda: engine.status.phase == "failed")
    assert "log" in engine.status.sentence
    for thread in threading.enumerate():
        if thread.name == "load":
            thread.join(5)


def test_choosing_another_model_drops_the_first_one_even_if_it_comes_late(tiny, fitted):
    gate = threading.Event()

    def load(name, _report):
        if name == "tiny":
            gate.wait(5)
            raise SteeringError("late and not wanted any more")
        return tiny

    engine = Engine("tiny", Supply(load, lambda _: fitted, lambda _: ()))
    engine.start()
    engine.choose("other")
    until(lambda: engine.status.phase == "ready")
    gate.set()
    time.sleep(0.1)
    assert (engine.name, engine.status.phase) == ("other", "ready")


def test_a_run_knows_how_many_came_before_it(engine):
    with engine.run("ann") as first, engine.run("bob") as second, engine.run("cy") as third:
        assert [engine.ahead(run) for run in (first, second, third)] == [0, 1, 2]
    with engine.run("dee") as alone:
        assert engine.ahead(alone) == 0


def test_leaving_lets_the_next_one_move_up(engine):
    with engine.run("ann"):
        pass
    with engine.run("bob") as second:
        assert engine.ahead(second) == 0


def test_an_error_in_a_run_frees_its_place_and_stops_its_work(engine):
    with pytest.raises(KeyError), engine.run("ann") as run:
        raise KeyError
    assert run.stop.is_set()
    with engine.run("bob") as next_one:
        assert engine.ahead(next_one) == 0


def test_a_full_line_is_an_error_that_says_so(engine):
    full = pytest.raises(SteeringError, match="3 requests are waiting")
    with engine.run("a"), engine.run("b"), engine.run("c"), full, engine.run("d"):
        pass


def test_stop_ends_only_the_visitors_own_run(engine):
    with engine.run("ann") as hers, engine.run("bob") as his:
        engine.stop("bob")
        engine.stop("nobody")
        assert his.stop.is_set()
        assert not hers.stop.is_set()


def test_a_new_run_of_the_same_visitor_supersedes_the_old_one(engine):
    with engine.run("ann") as old:
        with engine.run("ann") as new:
            assert old.stop.is_set()
            assert old.superseded.is_set()
            assert not new.stop.is_set()
        engine.stop("ann")
    with engine.run("ann") as again:
        assert not again.stop.is_set()
