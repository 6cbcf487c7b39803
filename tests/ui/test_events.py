"""Handlers as they are wired: found by the component that they change, called without a browser."""

import json

import gradio as gr
import pytest

from steering.inference.comparison import Answer
from steering.ui import events as events_module
from tests.helpers.built_page import call, sent, values_of, wired
from tests.helpers.engines import ready

# Handlers as they are wired

ANSWER = Answer(panel="baseline", text="Recorded words", verdict="answered", reason="x: y")
RECORDING = {"prompt": "Recorded?", "label": "harmless", "answers": [ANSWER.as_dict()]}


@pytest.fixture(scope="module")
def app(tiny, fitted):
    """The engine, the app and its components, whose one example is recorded."""
    names = {"tiny": "Tiny", "other": "Other"}
    engine = ready(tiny, fitted, (RECORDING,), names=names)
    return engine, *wired(engine)


def handlers(demo, name):
    return [fn for fn in demo.fns.values() if fn.name == name]


def usual(fn):
    """The values of a handler's inputs as the page starts with them."""
    return [getattr(each, "value", None) for each in fn.inputs]


def test_a_bug_in_a_run_is_a_sentence_and_the_run_is_over(app):
    _, demo, made = app
    begun = [fn for name in ("run", "go_on") for fn in handlers(demo, name)]
    boundaries = [fn for fn in demo.fns.values() if fn.targets[0][1] == "failure"]
    assert [each.trigger_after for each in boundaries] == [each._id for each in begun]
    for boundary in boundaries:
        assert boundary.trigger_only_on_failure
        assert boundary.outputs == [made.note, made.stop]
        told = boundary.fn()
        note, stop = told[made.note], told[made.stop]
        assert 'role="alert"' in note
        assert "log has the details" in note
        assert stop == gr.update(interactive=False)


def test_gradio_hands_a_run_what_was_typed_into_each_field(app):
    _, demo, made = app
    (run,) = handlers(demo, "run")
    given = values_of(made, "How do I paint a fence?", slots=["flip"])

    def told(values, component):
        """What a component was given while the handler ran."""
        at = run.outputs.index(component)
        return [str(each[at]) for each in sent(demo, run, [values[each] for each in run.inputs])]

    refused, *_ = told(given | {made.shared.temperature: -1}, made.note)
    assert "temperature=-1 is out of range" in refused
    cards = {card.slot: card.view for card in made.cards}
    assert 'data-state="done"' in "".join(told(given, cards["flip"]))
    assert 'data-state="off"' in "".join(told(given, cards["own"]))


def test_every_handler_changes_its_outputs_alone_as_the_page_starts(app):
    _, demo, made = app
    seen = 0
    for fn in demo.fns.values():
        if fn.fn is None or fn.name in ("run", "pick") or made.chooser in fn.inputs:
            continue
        for updates in call(fn, usual(fn)):
            if isinstance(updates, dict) and "__type__" not in updates:
                assert set(updates) <= set(fn.outputs), fn.name
                seen += 1
    assert seen > 10


def test_a_reset_brings_cards_and_settings_back_and_leaves_the_line(app):
    engine, demo, made = app
    (reset,) = handlers(demo, "reset")
    with engine.run("ann") as hers, engine.run("bob") as his:
        (updates,) = call(reset, [], "ann")
        assert hers.superseded.is_set()
        assert hers.stop.is_set()
        assert not his.stop.is_set()
    assert {each: updates[each] for each in made.shared.components} == {
        each: each.value for each in made.shared.components
    }
    for card in made.cards:
        for key, control in card.controls.items():
            assert updates[control]["value"] == control.value, (card.slot, key)
        state = "idle" if card.on is None or card.on.value else "off"
        assert f'data-state="{state}"' in updates[card.view]
    assert "Press Run" in updates[made.note]


def test_stop_ends_the_run_of_who_pressed_it(app):
    engine, demo, _ = app
    (stop,) = handlers(demo, "stop")
    with engine.run("ann") as hers, engine.run("bob") as his:
        call(stop, [], "bob")
        assert his.stop.is_set()
        assert not his.superseded.is_set()
        assert not hers.stop.is_set()


def test_an_example_fills_the_request_plays_its_recording_and_ends_the_run(app):
    engine, demo, made = app
    shows = [fn for fn in handlers(demo, "show") if made.request in fn.outputs]
    prompts = []
    with engine.run("ann") as hers:
        for fn in shows:
            (updates,) = call(fn, usual(fn), "ann")
            prompts.append(updates[made.request])
            recorded = "Recorded words" in updates[made.cards[0].view]
            assert recorded == (updates[made.request] == RECORDING["prompt"])
        assert hers.superseded.is_set()
    assert prompts == [prompt for prompt, _ in made.examples]
    assert RECORDING["prompt"] in prompts


def test_whoever_opens_the_page_sees_the_first_recording(app):
    _, demo, made = app
    (arrive,) = handlers(demo, "arrive")
    (updates,) = call(arrive, [])
    assert "Recorded words" in updates[made.cards[0].view]
    assert updates[made.retry] == gr.update(visible=False)
    assert "Tiny" in updates[made.strip]


def test_a_request_is_placed_by_the_unseen_button_of_the_map(app):
    _, demo, made = app
    found = [fn for fn in demo.fns.values() if fn.fn and list(fn.outputs) == [made.atlas.board]]
    place, after_a_run, after_going_on = found
    assert set(place.inputs) == made.talking
    assert list(after_a_run.inputs) == list(after_going_on.inputs) == [made.answered]
    (found,) = call(place, usual(place))
    # There are no maps here, and this is what the map is told.
    assert json.loads(found)["panels"] == []


def test_a_cell_of_the_dose_figures_sets_its_card_or_says_why_not(app):
    engine, _, made = app
    updates = events_module._bring(made, engine, "flip:k=1,alpha=0.5")
    flip = next(card for card in made.cards if card.slot == "flip")
    assert updates[flip.controls["k"]]["value"] == 1
    assert updates[flip.on]["value"] is True
    (only,) = events_module._bring(made, engine, "flop:k=1").items()
    assert only[0] is made.doses.said
    assert "flop" in only[1]


def test_a_kind_that_is_still_being_typed_leaves_the_card_alone(app):
    engine, _, made = app
    own = next(card for card in made.cards if card.slot == "own")
    assert events_module._turn(own, engine, "fli") == {own.form: gr.skip()}
    assert own.head in events_module._turn(own, engine, "flip")
