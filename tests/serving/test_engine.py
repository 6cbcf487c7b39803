import threading
import time

import pytest

from steering.errors import SteeringError
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving.engine import Engine, Supply
from steering.system.progress import Step
from tests.helpers.engines import ready, until


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
    return Engine("tiny", supply, capacity=2)


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


def test_no_pass_of_a_run_begins_while_another_has_its_turn(tiny, fitted):
    engine = ready(tiny, fitted)
    steerable, steps = engine.steerable()
    began, found = [], []
    handle = tiny.blocks[0].mlp.register_forward_hook(lambda *_: began.append(1))

    def run():
        panels = [parse("baseline"), parse("flip:k=1")]
        *_, answers = compare(
            steerable, "Why", panels, sampling=Sampling(max_new_tokens=3), decode=steps.generate
        )
        found.extend(answers)

    with engine.reading:
        visitor = threading.Thread(target=run)
        visitor.start()
        time.sleep(0.3)
        assert not began
    visitor.join(20)
    handle.remove()
    assert [answer.verdict is not None for answer in found] == [True, True]
