"""Which maps and directions a page shows, when they change and when it comes late."""

import json
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from steering.adaptation import drift
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.maps.residual_trace import Tracer
from steering.serving import machine_fit
from steering.serving.engine import Engine
from steering.serving.machine_fit import Adapting
from steering.ui import explanation
from steering.ui.layout import choices, title_of
from steering.ui.map.locate import located
from steering.ui.map.map_section import Atlas, Memory, empty
from steering.ui.playground.asked import Asked, Setting
from tests.helpers.built_page import built, values_of, wired
from tests.helpers.engines import unfitted, until

pytestmark = pytest.mark.usefixtures("alone")


def asked(engine, name):
    """Return what the page's map is told when it asks."""
    blocks = built(engine).blocks.values()
    (found,) = [
        fn(None)
        for block in blocks
        for fn in getattr(block, "server_fns", None) or ()
        if fn.__name__ == name
    ]
    return found


def handler(demo, name):
    """Return what the page does, by its name in `events`."""
    found, *_ = [each.fn for each in demo.fns.values() if getattr(each.fn, "__name__", "") == name]
    return found


def test_every_value_that_the_map_is_given_names_the_maps_it_is_of(supply, fitted, charted):
    recording = {"prompt": "Hi", "label": "harmless", "answers": []}
    engine = Engine("tiny", replace(supply, recordings=lambda _: (recording,)))
    settings = {"baseline": Setting("baseline", True, "baseline", {})}
    made = Atlas(gr.HTML(), gr.Button(), gr.Button(), Memory())
    names = [json.loads(empty(engine)), asked(engine, "cloud"), asked(engine, "machine")]
    engine.start()
    until(lambda: engine.status.phase == "ready")
    names.append(json.loads(located(made, engine, Asked("Hi", settings))))
    assert names[-1]["panels"]
    assert {each["maps_id"] for each in names} == {engine.maps_id}


def test_other_maps_or_directions_have_another_name_and_a_check_gives_none(
    supply, thinker, fitted, charted
):
    found = []
    adapting = Adapting(check=drift.check, fitted=lambda _: found[0] if found else None)
    supplied = replace(supply, model=lambda *_: thinker, adapting=adapting)
    engine = Engine("tiny", supplied)
    first = engine.maps_id
    engine.start()
    until(lambda: engine.check is not None)
    assert engine.maps_id == first
    seen = {first}

    def another(change):
        change()
        assert engine.maps_id not in seen
        seen.add(engine.maps_id)

    another(lambda: engine.think("on"))
    found.append((fitted, charted))
    another(lambda: engine.adopt(engine._attempt, engine.model))
    another(lambda: engine.choose("other"))


def test_a_place_is_of_the_maps_that_it_was_traced_on(supply, fitted, charted, monkeypatch):
    adapting = Adapting(fitted=lambda _: (fitted, charted) if engine.model else None)
    engine = Engine("tiny", replace(supply, adapting=adapting))
    engine.start()
    until(lambda: engine.status.phase == "ready")
    before, trace = engine.maps_id, Tracer.trace

    def meanwhile(*arguments, **options):
        engine.adopt(engine._attempt, engine.model)
        return trace(*arguments, **options)

    monkeypatch.setattr(Tracer, "trace", meanwhile)
    made = Atlas(gr.HTML(), gr.Button(), gr.Button(), Memory())
    settings = {"baseline": Setting("baseline", True, "baseline", {})}
    shown = json.loads(located(made, engine, Asked("Hi", settings)))
    assert shown["maps_id"] == before != engine.maps_id


def test_what_is_the_same_after_another_try_keeps_its_name(supply, charted):
    def load(*_):
        raise SteeringError("no network")

    digests = iter("aab")
    points = lambda _: replace(charted.points, digest=next(digests))  # noqa: E731
    engine = Engine("tiny", replace(supply, model=load, points=points))
    first = engine.maps_id
    for same in (True, True, False):
        engine.start(again=True)
        assert (engine.maps_id == first) is same
        until(lambda: engine.status.phase == "failed")


def arrival(engine, come):
    """Lay out the page, let something happen, and return what a page that comes then is given."""
    demo = built(engine)
    blocks = {each.elem_id: each for each in demo.blocks.values()}
    arrive = handler(demo, "arrive")
    (event,) = [each for each in demo.fns.values() if each.fn is arrive]
    come()
    found = arrive()
    assert set(found) <= set(event.outputs)
    return blocks, found


def test_a_page_that_comes_after_a_first_fit_has_cards_that_work(supply, fitted, charted):
    engine = unfitted(supply, fitted, charted, lambda _: None)

    def come():
        machine_fit.start(engine)
        until(lambda: engine.fitting.phase == "done")

    _, found = arrival(engine, come)
    ranks = [each for each in found if "dial-k" in str(getattr(each, "elem_classes", ""))]
    assert len(ranks) == 3
    assert max(found[each]["maximum"] for each in ranks) == fitted.inlp_ranks[fitted.inlp_point]
    assert f'"maps_id": "{engine.maps_id}"' in str(found.values())


def test_a_page_that_comes_after_another_model_was_chosen_shows_that_one(supply, fitted):
    recordings = {
        "tiny": ({"prompt": "Hi", "label": "harmless", "answers": []},),
        "other": ({"prompt": "Ho", "label": "harmless", "answers": []},),
    }
    names = {"tiny": "Tiny", "other": "Other"}
    engine = Engine("tiny", replace(supply, recordings=recordings.get, names=names))
    blocks, found = arrival(engine, lambda: engine.choose("other"))
    assert found[blocks["chooser"]]["value"] == "other"
    assert found[blocks["request"]] == "Ho"
    assert blocks["chooser"].value == "tiny"


def test_a_page_that_comes_when_nothing_has_changed_is_left_as_it_was_laid_out(supply):
    engine = Engine("tiny", replace(supply, names={"tiny": "Tiny", "other": "Other"}))
    blocks, found = arrival(engine, lambda: None)
    assert not {blocks["chooser"], blocks["request"], blocks["doses"]} & set(found)


def test_the_list_says_which_models_have_no_directions_until_they_have(supply):
    ready = {"tiny"}
    names = {"tiny": "Tiny", "other": "Other", "third": "Third"}
    engine = Engine("tiny", replace(supply, names=names, fitted=lambda: ready))
    lacking = " (no directions yet)"
    assert [said for said, _ in choices(engine)] == ["Tiny", "Other" + lacking, "Third" + lacking]
    ready.add("third")
    assert [said for said, _ in choices(engine)] == ["Tiny", "Other" + lacking, "Third"]
    assert title_of(engine) == "Tiny"
    everything = Engine("tiny", replace(supply, names=names))
    assert choices(everything) == [(title, name) for name, title in names.items()]


@pytest.mark.parametrize("runs", [False, True])
def test_a_page_that_follows_to_other_maps_leaves_a_run_under_way_alone(supply, runs):
    engine = Engine("tiny", supply)
    demo, made = wired(engine)
    request = SimpleNamespace(session_hash="ann")
    with engine.run("ann" if runs else "bob"):
        shown = handler(demo, "follow")(request, values_of(made))
    assert {made.facts, made.doses.board} <= set(shown)
    assert (made.note in shown) is (made.stop in shown) is not runs


ANSWER = Answer(panel="baseline", text="Recorded words", verdict="answered", reason="x: y")
RECORDING = {"prompt": "Hi", "label": "harmless", "answers": [ANSWER.as_dict()]}


def test_a_page_that_follows_to_other_maps_keeps_the_recording_that_it_shows(
    supply, fitted, charted
):
    adapting = Adapting(fitted=lambda _: (fitted, charted))
    engine = Engine("tiny", replace(supply, recordings=lambda _: (RECORDING,), adapting=adapting))
    demo, made = wired(engine)
    before = engine.maps_id
    engine.start()
    until(lambda: engine.status.phase == "ready")
    assert engine.maps_id != before  # the kept fit was adopted
    follow, request = handler(demo, "follow"), SimpleNamespace(session_hash="ann")
    shown = follow(request, values_of(made))
    assert "Recorded words" in shown[made.cards[0].view]
    assert 'data-state="recorded"' in shown[made.cards[0].view]
    assert explanation.RECORDED in shown[made.note]
    for other in (values_of(made, "Ho"), values_of(made, system="Be brief.")):
        shown = follow(request, other)
        assert 'data-state="idle"' in shown[made.cards[0].view]
        assert "Press Run" in shown[made.note]
    with engine.run("ann"):
        assert made.cards[0].view not in follow(request, values_of(made))
