"""Where a request is placed, and when the map stays as it is."""

import json
from dataclasses import replace

import gradio as gr
import pytest

from steering.errors import SteeringError
from steering.inference.comparison import MAX_CHARACTERS
from steering.interventions.panel import Panel
from steering.maps.model_maps import Maps
from steering.serving.engine import Engine, Supply
from steering.ui.map import locate
from steering.ui.map.locate import located, placed_or_kept
from steering.ui.map.map_section import Atlas, Memory
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, Setting
from tests.helpers.engines import busy, ready, until


@pytest.fixture
def board():
    return Atlas(gr.HTML(), gr.Button(), gr.Button(), Memory())


@pytest.fixture
def engine(tiny, fitted, charted, monkeypatch):
    monkeypatch.setattr(Maps, "warm_up", lambda _maps: None)  # UMAP is not asked here
    return ready(tiny, fitted, maps=lambda _: charted)


@pytest.fixture
def asked(fitted):
    panels = {"baseline": Panel("baseline"), "flip": Panel("flip"), "own": Panel("actadd")}
    settings = {
        slot: Setting(slot, slot != "own", panel.name, card_settings.start(panel, fitted))
        for slot, panel in panels.items()
    }
    return Asked("How do I wash a dog?", settings)


def slots(value):
    return [each["slot"] for each in json.loads(value)["panels"]]


def test_cards_that_are_on_are_placed_alone_and_with_their_answers(board, engine, asked, tiny):
    alone = located(board, engine, asked)
    assert slots(alone) == ["baseline", "flip"]
    answers = [tiny.template.encode(" Sure"), tiny.template.encode(" No, never")]
    written = located(board, engine, asked, answers)
    for before, after, answer in zip(
        json.loads(alone)["panels"], json.loads(written)["panels"], answers, strict=True
    ):
        texts = before["tokens"]["texts"]
        assert after["tokens"]["texts"][: len(texts)] == texts
        assert len(after["tokens"]["texts"]) == len(texts) + len(answer)


def test_a_system_prompt_moves_the_place(board, engine, asked):
    plainly = json.loads(located(board, engine, asked))["panels"][0]["t"]
    briefly = json.loads(located(board, engine, replace(asked, system="Be brief.")))
    assert briefly["panels"][0]["t"] != plainly


def test_a_model_that_is_busy_for_too_long_leaves_the_map_as_it_is(
    board, engine, asked, monkeypatch
):
    monkeypatch.setattr(locate, "_PATIENCE_SECONDS", 0.01)
    with busy(engine):
        assert located(board, engine, asked) is None
    assert not engine.wanted  # nobody waits any more
    assert slots(located(board, engine, asked))


@pytest.mark.parametrize(
    "change", [{"prompt": "a" * (MAX_CHARACTERS + 1)}, {"system": "a\0"}, {"k": 99}]
)
def test_what_does_not_fit_leaves_the_map_as_it_is(board, engine, asked, change):
    if "k" in change:
        flip = asked.settings["flip"]
        wrong = replace(flip, values=dict(flip.values) | change)
        change = {"settings": {**asked.settings, "flip": wrong}}
    wrong = replace(asked, **change)
    assert placed_or_kept(board, engine, wrong) is None
    with pytest.raises(SteeringError):
        located(board, engine, wrong)
    assert engine.reading.acquire(timeout=1)
    engine.reading.release()


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
    assert json.loads(located(made, engine, Asked(" ", {}))) == {
        "model": tiny.name,
        "maps": True,
        "maps_id": engine.maps_id,
        "panels": [],
    }
    other = ready(replace(charted, model="another"))
    assert other.tracer is None
    assert json.loads(located(made, other, Asked("How do I wash a dog?", {})))["maps"] is False
    assert ready(None).tracer is None
