"""Checks and fits behind the page: visitors go first, and the map is told what was found."""

import threading
import time
from dataclasses import replace

import pytest

from steering.adaptation import drift
from steering.errors import SteeringError
from steering.serving import machine_fit
from steering.serving.engine import Engine
from steering.serving.machine_fit import Adapting, Turn, told
from steering.system.progress import Step, tell
from steering.ui import run_handlers
from tests.helpers.built_page import laid_out, text_of, values_of
from tests.helpers.engines import Slow, unfitted, until

pytestmark = pytest.mark.usefixtures("alone")


def test_the_maps_are_there_at_once_and_marked_when_the_check_is_done(supply, charted):
    gate = threading.Event()

    def check(model, maps):
        gate.wait(60)
        return drift.check(model, maps)

    engine = Engine("tiny", replace(supply, adapting=Adapting(check=check)))
    assert told(engine)["state"] == "none"
    engine.start()
    until(lambda: engine.status.phase == "ready")
    assert engine.tracer is not None
    assert told(engine)["state"] == "checking"
    gate.set()
    until(lambda: engine.check is not None)
    found = told(engine)
    assert found["state"] == "done"
    assert [each["layer"] for each in found["layers"]] == list(charted.layers)
    assert {each["verdict"] for each in found["layers"]} == {"same"}
    assert (found["here"], found["fitted"]) == ("float32", "float32")


def test_a_usable_layer_is_served_with_its_shift_taken_off(supply, charted, tiny):
    real = drift.check(tiny, charted)
    shift = (1.0,) * len(real.drifts[1].shift)
    other = replace(real.drifts[1], verdict="usable", shift=shift)
    found = replace(real, drifts=(real.drifts[0], other, real.drifts[2]))
    engine = Engine("tiny", replace(supply, adapting=Adapting(check=lambda *_: found)))
    engine.start()
    until(lambda: engine.check is not None)
    assert not engine.tracer.maps.at(2).means.equal(charted.at(2).means)
    assert engine.tracer.maps.at(1).means.equal(charted.at(1).means)
    assert told(engine)["layers"][1]["verdict"] == "usable"


def test_background_work_waits_for_visitors_and_never_stands_in_a_run(supply, tiny):
    engine = Engine("tiny", supply)
    engine.model = tiny
    turn, order = Turn(engine, lambda: True), []

    def work():
        for number in range(3):
            with turn(), turn():  # a pass may take it twice
                order.append(number)

    with engine.run("visitor"):
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        assert order == []
    until(lambda: order == [0, 1, 2])
    thread.join()
    with engine.asked():
        assert engine.busy
    assert not engine.busy
    assert engine.reading.acquire(timeout=1)


def test_work_that_is_not_wanted_any_more_ends_without_taking_the_model(supply):
    engine = Engine("tiny", supply)
    with (
        pytest.raises(SteeringError, match="another model or another mode"),
        Turn(engine, lambda: False),
    ):
        pass
    assert engine.reading.acquire(timeout=1)


def test_a_model_without_directions_says_its_cost_and_is_ready_after_the_fit(
    supply, fitted, charted
):
    gate = threading.Event()

    def fit(model):
        tell("Reading prompts", 3, 8, "prompt")
        gate.wait(60)

    engine = unfitted(supply, fitted, charted, fit)
    engine.start()  # nothing to load yet: nobody has asked for the fit
    found = told(engine)
    assert (found["state"], found["cost"]) == ("unfitted", "tiny costs a minute.")
    assert engine.model is None
    machine_fit.start(engine)
    until(lambda: engine.fitting.step == Step("Reading prompts", 3, 8, "prompt"))
    machine_fit.start(engine)  # a second click does nothing
    run_handlers = told(engine)["fit"]
    assert (run_handlers["phase"], run_handlers["done"], run_handlers["total"]) == ("running", 3, 8)
    assert run_handlers["amount"] == "3 of 8"
    gate.set()
    until(lambda: engine.fitting.phase == "done")
    assert engine.status.phase == "ready"
    assert engine.directions is engine.outline is fitted
    assert engine.maps is charted
    assert engine.points.texts == charted.points.texts
    assert engine.tracer is not None
    until(lambda: told(engine)["state"] == "done")


def test_a_run_during_a_first_fit_is_answered_when_the_fit_is_done(supply, fitted, charted):
    gate = threading.Event()

    def fit(model):
        gate.wait(60)
        with model.turn():
            pass

    engine = unfitted(supply, fitted, charted, fit)
    made = laid_out(engine)
    machine_fit.start(engine)
    notes, end = [], time.monotonic() + 60
    for each in run_handlers.run(made, engine, "ann", values_of(made)):
        note = each.get(made.note)
        notes += [text_of(note)] if isinstance(note, str) else []
        if notes:
            gate.set()
        assert time.monotonic() < end, "the run and the fit wait for each other"
    assert notes[0].startswith("Your request starts by itself as soon as directions")
    assert notes[-1].startswith("Done after")


def test_a_place_that_is_asked_for_before_there_is_a_model_holds_no_fit_up(supply, tiny):
    engine = Engine("tiny", supply)
    with engine.asked(), engine.run("ann"):
        assert not engine.busy
        engine.model = tiny
        assert engine.busy


def test_a_fit_that_fails_says_why_and_can_be_started_again(supply, fitted, charted):
    tried = []

    def fit(model):
        tried.append(1)
        if len(tried) == 1:
            raise SteeringError("the disk is full")

    engine = unfitted(supply, fitted, charted, fit)
    machine_fit.start(engine)
    until(lambda: engine.fitting.phase == "failed")
    assert told(engine)["fit"]["sentence"] == "The disk is full."
    machine_fit.start(engine)
    until(lambda: engine.fitting.phase == "done")


def test_a_fit_of_a_model_that_nobody_wants_any_more_changes_nothing(supply, fitted, charted):
    gate, done = threading.Event(), []

    def fit(model):
        gate.wait(60)
        done.append(1)

    engine = unfitted(supply, fitted, charted, fit)
    machine_fit.start(engine)
    until(lambda: engine.fitting.phase == "running")
    engine.choose("other")
    gate.set()
    until(lambda: bool(done))
    time.sleep(0.05)
    assert engine.name == "other"
    assert engine.fitting.phase == "none"


# Work that ends when it is not wanted any more


@pytest.mark.parametrize("change", ["a mode", "a fit"])
def test_a_check_or_an_agreement_that_comes_late_is_not_taken_for_another(
    supply, thinker, fitted, charted, change
):
    real, there = drift.check(thinker, charted), []
    checks = Slow([replace(real), replace(real)])
    agreements = Slow([{"of": "the first"}, {"of": "the second"}])
    adapting = Adapting(
        fitted=lambda _: (fitted, charted) if there else None,
        check=checks,
        agreement=agreements,
        fit=lambda _: there.append(1),
    )
    engine = Engine("tiny", replace(supply, model=lambda *_: thinker, adapting=adapting))

    def another():
        if change == "a mode":
            engine.think("off" if engine.model.template.mode.thinking == "on" else "on")
        else:
            machine_fit.start(engine)

    engine.start()
    until(lambda: checks.calls == 1)
    another()
    until(lambda: checks.calls == 2)
    checks.finish(0)
    assert engine.check is None
    assert told(engine)["state"] == "checking"
    until(lambda: agreements.calls == 1)
    checks.finish(1)
    assert engine.check is checks.found[1]
    until(lambda: agreements.calls == 2)
    agreements.finish(1)
    agreements.finish(0)
    assert engine.agreement == {"of": "the second"}


@pytest.mark.parametrize("passes", [False, True], ids=["at its end", "at its next pass"])
def test_a_fit_of_another_mode_fails_and_the_engine_keeps_its_own(
    supply, thinker, fitted, charted, passes
):
    gate, there = threading.Event(), []

    def fit(model):
        gate.wait(60)
        there.append(1)
        if passes:
            with model.turn():
                there.append(2)

    adapting = Adapting(
        fitted=lambda model: (
            (replace(fitted), charted) if there and model.template.mode.thinking == "off" else None
        ),
        fit=fit,
    )
    engine = Engine("tiny", replace(supply, model=lambda *_: thinker, adapting=adapting))
    engine.start()
    until(lambda: engine.status.phase == "ready")
    machine_fit.start(engine)
    engine.think("on")
    gate.set()
    until(lambda: engine.fitting.phase == "failed")
    assert "mode was c" in engine.fitting.sentence
    assert engine.model.template.mode.thinking == "on"
    assert engine.directions is fitted
    assert there == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [SteeringError("no"), KeyError("bug")])
@pytest.mark.parametrize("way", ["shipped", "first fit", "fit over shipped"])
def test_checking_ends_whatever_the_check_ends_with(supply, fitted, charted, error, way):
    checks, there = Slow([error, error]), []
    adapting = Adapting(
        fitted=lambda _: (fitted, charted) if there else None,
        check=checks,
        fit=lambda _: there.append(1),
    )
    if way == "first fit":
        engine = unfitted(supply, fitted, charted, there.append, check=checks)
        machine_fit.start(engine)
    else:
        engine = Engine("tiny", replace(supply, adapting=adapting))
        engine.start()
    last = 0
    if way == "fit over shipped":
        checks.gates[0].set()
        until(lambda: told(engine)["state"] == "unchecked")
        machine_fit.start(engine)
        last = 1
    until(lambda: checks.calls == last + 1)
    assert told(engine)["state"] == "checking"
    checks.finish(last)
    until(lambda: told(engine)["state"] == "unchecked")


def test_a_model_is_fitted_once_at_a_time_and_not_while_it_is_loaded(supply, fitted, charted):
    gate, fits = threading.Event(), []

    def fit(model):
        fits.append(1)
        gate.wait(60)

    engine = unfitted(supply, fitted, charted, fit)
    clicks = [threading.Thread(target=machine_fit.start, args=(engine,)) for _ in range(8)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert engine.begin_fit() is None
    gate.set()
    until(lambda: engine.fitting.phase == "done")
    assert fits == [1]
    loading = Engine("tiny", replace(supply, model=lambda *_: gate.wait(60)))
    assert loading.begin_fit() is None


def test_a_first_fit_that_cannot_be_read_leaves_the_model_without_directions(
    supply, fitted, charted
):
    engine = unfitted(supply, fitted, charted, lambda _: None, found=lambda _: None)
    machine_fit.start(engine)
    until(lambda: engine.fitting.phase == "failed")
    assert "cannot be read" in engine.fitting.sentence
    assert (engine.status.phase, engine.model) == ("unfitted", None)


def test_a_public_host_offers_no_fit(supply):
    engine = Engine("tiny", supply)
    assert told(engine)["fit"]["can"] is False
    machine_fit.start(engine)
    assert engine.fitting.phase == "none"


@pytest.mark.parametrize(
    ("public", "does", "leaves_out"),
    [
        (False, "press “Fit directions and maps” under the map", "precompute"),
        (True, "can make them with `python -m steering precompute --quick --model tiny`", "press"),
    ],
)
def test_whoever_meets_a_model_without_directions_is_told_what_they_can_do(
    supply, fitted, charted, public, does, leaves_out
):
    engine = unfitted(supply, fitted, charted, lambda _: None)
    if public:
        engine.supply = replace(engine.supply, adapting=replace(engine.supply.adapting, fit=None))
    made = laid_out(engine)
    *_, last = run_handlers.run(made, engine, "ann", values_of(made))
    said = text_of(last[made.note])
    assert said.startswith("This model has no directions yet; ")
    assert does in said
    assert leaves_out not in said
    found = told(engine)
    assert bool(found["cost"]) is not public
    assert bool(found["remedy"]) is public
    assert not found["remedy"] or does in found["remedy"]


def test_how_well_directions_agree_is_a_sentence(supply, fitted):
    engine = Engine("tiny", supply)
    assert told(engine)["directions"] is None
    engine.agreement = {"dim_cosine": 0.9993, "inlp_k": 3, "inlp_cosine": 0.987}
    assert "cosine 0.999, the first 3 INLP directions with 0.987" in told(engine)["directions"]


def test_work_that_cannot_pause_begins_when_nobody_has_wanted_the_model_for_a_while(
    supply, charted, tiny, monkeypatch
):
    monkeypatch.setattr(machine_fit, "_QUIET_SECONDS", 0.3)
    warmed = threading.Event()
    monkeypatch.setattr(type(charted), "warm_up", lambda _: warmed.set())
    engine = Engine("tiny", supply)
    with engine.run("ann"):  # came before the model
        engine.start()
        until(lambda: engine.status.phase == "ready")
        assert not warmed.wait(1.0)
        left = time.monotonic()
    assert warmed.wait(60)
    assert time.monotonic() - left >= 0.25


def test_work_that_cannot_pause_is_left_when_its_maps_are_gone(supply, charted, monkeypatch):
    monkeypatch.setattr(machine_fit, "_QUIET_SECONDS", 60.0)
    warmed = threading.Event()
    monkeypatch.setattr(type(charted), "warm_up", lambda _: warmed.set())
    engine = Engine("tiny", supply)
    engine.start()
    until(lambda: engine.looked)
    assert machine_fit._is_quiet(engine, "of maps that are gone") is False
    assert not warmed.is_set()
    engine.maps_id = "others"  # lets the thread go
