import json
import threading
import time
from dataclasses import replace

import gradio as gr
import pytest

from steering.errors import SteeringError
from steering.maps.model_maps import Maps
from steering.serving.engine import Engine, Supply
from steering.system.progress import Step
from steering.ui.layout import EXAMPLES_EACH, Limits, examples
from steering.ui.map.locate import located
from steering.ui.map.map_section import Atlas, Memory
from tests.helpers.built_page import built


def nothing(_name):
    raise SteeringError("there are no directions; run precompute")


def until(claim, seconds=5.0):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


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


def test_without_directions_the_app_is_built_and_says_what_to_do(tiny):
    engine = Engine("tiny", Supply(lambda *_: tiny, nothing, lambda _: ()))
    assert engine.status.phase == "failed"
    assert "run precompute" in engine.status.sentence
    assert isinstance(built(engine), gr.Blocks)


def test_a_model_that_its_maps_fit_can_be_traced_and_another_cannot(
    tiny, fitted, charted, monkeypatch
):
    # UMAP compiles for seconds and is not asked here.
    monkeypatch.setattr(Maps, "warm_up", lambda _maps: None)

    def ready(maps):
        supply = Supply(lambda *_: tiny, lambda _: fitted, lambda _: (), maps=lambda _: maps)
        engine = Engine("tiny", supply)
        engine.start()
        until(lambda: engine.status.phase == "ready")
        return engine

    made = Atlas(gr.HTML(), gr.Button(), gr.Button(), Memory())
    engine = ready(charted)
    assert engine.tracer is not None
    assert (engine.tracer.model, engine.tracer.maps) == (tiny, charted)
    assert json.loads(located(made, engine, " ", {})) == {
        "model": tiny.name,
        "maps": True,
        "panels": [],
    }
    other = ready(replace(charted, model="another"))
    assert other.tracer is None
    assert json.loads(located(made, other, "How do I wash a dog?", {}))["maps"] is False
    assert ready(None).tracer is None


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


def test_runs_are_answered_in_the_order_they_came(engine):
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


def test_examples_come_from_the_recordings_first(supply, tiny, fitted):
    recorded = {"prompt": "Recorded one", "label": "harmless", "answers": []}
    engine = Engine("tiny", Supply(lambda *_: tiny, lambda _: fitted, lambda _: (recorded,)))
    found = examples(engine)
    assert found["harmless"][0] == "Recorded one"
    assert {len(each) for each in found.values()} == {EXAMPLES_EACH}


def test_a_public_host_offers_no_choice_of_model(engine):
    def choosers(limits):
        components = built(engine, limits).blocks.values()
        return [each for each in components if each.elem_id == "chooser"]

    assert len(choosers(Limits())) == 1
    assert not choosers(Limits(chooser=False))
