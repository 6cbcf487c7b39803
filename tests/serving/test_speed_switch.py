"""Exact or fast products for everybody: loaded behind the page, then served."""

import threading
from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.serving import speed_switch
from steering.serving.engine import Engine
from steering.serving.speed_switch import Switch
from tests.helpers.engines import Slow, charted_supply, until


def at(model, speed):
    """Return the same model as if its products were so."""
    held = replace(model.number_format, parts=1 if speed == "fast" else 0)
    return replace(model, number_format=held)


@pytest.fixture
def engine(tiny, fitted, charted):
    supply = charted_supply(tiny, fitted, charted)
    engine = Engine("tiny", replace(supply, at_speed=lambda _, speed: at(tiny, speed)))
    engine.start()
    until(lambda: engine.check is not None)
    return engine


def test_the_other_model_is_served_once_it_is_loaded_and_its_maps_are_checked(engine):
    before, maps_id = engine.model, engine.maps_id
    assert speed_switch.speed_of(before) == "exact"
    speed_switch.start(engine, "fast")
    until(lambda: not engine.switch.to)
    assert engine.switch.said == ""
    assert speed_switch.speed_of(engine.model) == "fast"
    assert engine.steps.model.number_format.parts == 1
    assert engine.maps_id != maps_id
    until(lambda: engine.check is not None)
    speed_switch.start(engine, "exact")
    until(lambda: speed_switch.speed_of(engine.model) == "exact")


def test_visitors_go_on_with_what_is_there_until_the_other_one_is_loaded(engine, tiny):
    slow = Slow([at(tiny, "fast")])
    engine.supply = replace(engine.supply, at_speed=lambda *_: slow())
    before = engine.steerable()[0].model.network
    speed_switch.start(engine, "fast")
    assert engine.switch.to == "fast"
    speed_switch.start(engine, "fast")  # a second click
    speed_switch.start(engine, "exact")
    assert engine.status.phase == "ready"
    assert engine.steerable()[0].model.network is before
    assert speed_switch.speed_of(engine.model) == "exact"
    slow.gates[0].set()
    until(lambda: not engine.switch.to)
    assert slow.calls == 1
    assert speed_switch.speed_of(engine.model) == "fast"


def test_why_it_did_not_come_about_is_said_and_nothing_changes(engine):
    def refuse(*_):
        raise SteeringError("fast products cannot be taken: far off")

    engine.supply = replace(engine.supply, at_speed=refuse)
    before, maps_id = engine.model, engine.maps_id
    speed_switch.start(engine, "fast")
    until(lambda: not engine.switch.to)
    assert engine.switch.said == "Fast products cannot be taken: far off."
    assert (engine.model, engine.maps_id) == (before, maps_id)
    engine.supply = replace(engine.supply, at_speed=lambda _, speed: at(before, speed))
    speed_switch.start(engine, "fast")
    until(lambda: speed_switch.speed_of(engine.model) == "fast")
    assert engine.switch.said == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_leaves_the_switch_free_for_another_try(engine):
    def broken(*_):
        raise ValueError("a bug")

    engine.supply = replace(engine.supply, at_speed=broken)
    speed_switch.start(engine, "fast")
    until(lambda: not engine.switch.to)
    assert "server's log" in engine.switch.said


def test_a_model_that_was_chosen_meanwhile_stays(engine, tiny):
    slow = Slow([at(tiny, "fast")])
    engine.supply = replace(engine.supply, at_speed=lambda *_: slow())
    speed_switch.start(engine, "fast")
    until(lambda: slow.calls == 1)
    with engine.still():
        engine.model = replace(tiny, network=object())
    slow.gates[0].set()
    for thread in threading.enumerate():
        if thread.name == "load":
            thread.join(60)
    assert speed_switch.speed_of(engine.model) == "exact"
    assert engine.switch.to == ""


def test_other_products_are_held_elsewhere_before_they_are_served_if_they_are_of_use(engine, tiny):
    seen = []

    def hold(model, wanted):
        seen.append((speed_switch.speed_of(model), speed_switch.speed_of(engine.model), wanted()))
        with engine.still():
            engine.model = replace(tiny, network=object())
        seen.append(wanted())

    engine.supply = replace(engine.supply, hold=hold)
    speed_switch.start(engine, "fast")
    until(lambda: not engine.switch.to)
    assert seen == [("fast", "exact", True), False]
    assert speed_switch.speed_of(engine.model) == "exact"


def test_a_change_that_ends_late_does_not_end_the_change_of_another_model(engine, tiny):
    slow = Slow([at(tiny, "fast"), at(tiny, "fast")])
    engine.supply = replace(engine.supply, at_speed=lambda *_: slow())
    speed_switch.start(engine, "fast")
    until(lambda: slow.calls == 1)
    other = replace(tiny, network=type("Other", (), {"device": tiny.device})())
    with engine.still():
        engine.switch, engine.model = Switch(), other
    speed_switch.start(engine, "fast")
    until(lambda: slow.calls == 2)
    slow.finish(0)
    assert engine.switch.to == "fast"
    with engine.still():
        engine.model = tiny
    slow.gates[1].set()
    until(lambda: not engine.switch.to)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_there_is_no_choice_where_nobody_may_or_the_weights_are_quantized(engine, quantization):
    assert speed_switch.can(engine)
    held = replace(engine.model.number_format, quantization=quantization)
    engine.model = replace(engine.model, number_format=held)
    assert not speed_switch.can(engine)
    engine.model = replace(engine.model, number_format=replace(held, quantization="none"))
    assert speed_switch.can(engine)
    engine.supply = replace(engine.supply, at_speed=None)
    assert not speed_switch.can(engine)
    speed_switch.start(engine, "fast")
    assert engine.switch.to == ""
