"""Recordings on the cards where no model runs."""

import subprocess
import sys
from dataclasses import replace

import gradio as gr
import pytest

from steering import app
from steering.artifacts import folders
from steering.inference.comparison import Answer
from steering.serving.engine import Engine, Supply
from steering.sources import catalog
from steering.ui import replays, run_handlers
from steering.ui.layout import strip_of
from steering.ui.playground import rendered_request
from tests.helpers.built_page import text_of, values_of
from tests.helpers.engines import ready

PANELS = ("baseline", "flip:k=1", "flip")
RECORDING = {
    "prompt": "Hi",
    "label": "harmful",
    "panels": list(PANELS),
    "answers": [
        Answer(form, f"answer of {form}", verdict="answered", reason="x: y").as_dict()
        for form in PANELS
    ],
}
DEFAULT = catalog.DEFAULT_MODEL in folders.available()


@pytest.fixture
def silent(fitted):
    """An engine without a model."""
    return Engine("tiny", Supply(None, lambda _: fitted, lambda _: (RECORDING,)))


def run(made, engine, prompt="Hi", *, system="", **flip):
    values = values_of(made, prompt, system=system)
    card = next(card for card in made.cards if card.slot == "flip")
    values |= {card.controls[key]: value for key, value in flip.items()}
    (updates,) = run_handlers.run(made, engine, "ann", values)
    return updates, str(updates[card.view])


def test_an_engine_without_a_model_stays_as_it_is_and_says_so(silent):
    silent.start()
    silent.start(again=True)
    assert silent.status.phase == "recorded"
    assert silent.model is None
    said = text_of(strip_of(silent))
    assert "This page plays recorded answers; no model runs" in said
    assert "Meanwhile" not in said
    assert "No model runs here" in rendered_request.shown(silent, "Hi", "")


def test_run_plays_what_is_recorded_with_the_settings_of_each_card(silent, made):
    for k, form in ((1, "flip:k=1"), (2, "flip")):
        updates, shown = run(made, silent, k=k)
        assert 'data-state="recorded"' in shown
        assert f'data-panel="{form}"' in shown
        assert f"answer of {form}<" in shown
        assert 'data-label="harmful"' in shown
        assert "no model runs here" in text_of(updates[made.note])
        assert "Press Run to compute it now" not in shown
        assert '<span class="placeholder"></span>' in shown  # its chip says it, not its answer
    # An update of the map would be for nothing: a run does not have it among its outputs.
    assert set(updates) <= set(run_handlers.run_outputs_of(made))


def test_a_card_whose_settings_are_not_recorded_says_which_are(silent, made):
    _, shown = run(made, silent, k=2, alpha=1.5)
    assert 'data-state="missing"' in shown
    assert "Not recorded with these settings. Recorded of this edit: flip:k=1, flip." in shown
    updates, _ = run(made, silent)
    ablation = next(card for card in made.cards if card.slot == "ablation")
    assert "This edit is not recorded at all." in updates[ablation.view]


def test_a_request_that_is_not_recorded_is_told_so_and_the_cards_are_emptied(silent, made):
    updates, shown = run(made, silent, "Ho")
    assert "This request is not recorded" in text_of(updates[made.note])
    assert 'data-state="idle"' in shown
    assert "Choose an example" in shown
    updates, shown = run(made, silent, system="Be brief.")
    assert "recorded without a system prompt" in text_of(updates[made.note])
    assert "answer of" not in shown


def test_a_card_whose_settings_do_not_fit_is_told_in_a_sentence(silent, made):
    values = values_of(made)
    card = next(card for card in made.cards if card.slot == "flip")
    values[card.controls["k"]] = 99
    (updates,) = run_handlers.run(made, silent, "ann", values)
    assert "K of flip=99 is out of range" in text_of(updates[made.note])


def test_where_a_model_runs_a_recording_says_that_run_computes_it(tiny, fitted, made):
    engine = ready(tiny, fitted, (RECORDING,))
    asked = made.read(values_of(made))
    updates = replays.replay(made, engine, asked)
    card = next(card for card in made.cards if card.slot == "flip")
    assert "Press Run to compute it now" in updates[card.view]
    assert updates[made.stop] == gr.update(interactive=False)


def test_the_first_state_of_the_cards_is_what_the_page_starts_with(silent, made):
    settings = replays.first_settings(made, silent)
    assert {slot: str(each.panel(silent.outline)) for slot, each in settings.items()} == {
        slot: str(each.panel(silent.outline))
        for slot, each in made.read(values_of(made)).settings.items()
    }
    assert replays.first_request(made, silent) == {made.request: "Hi"}
    nothing = Engine("tiny", replace(silent.supply, recordings=lambda _: ()))
    assert replays.recorded_first(made, nothing) == {}


@pytest.mark.skipif(not DEFAULT, reason="nothing is shipped")
def test_the_whole_app_plays_recordings_without_torch():
    script = """
import os, sys
os.environ["STEERING_MODEL"] = "none"
from steering.app import App
from steering.ui import run_handlers
app = App()
engine = app.engine
engine.start()
assert engine.status.phase == "recorded", engine.status
assert engine.recordings and engine.points is not None
shown = []
for each in app.demo.fns.values():
    if not each.inputs and "load" in [event for _, event in each.targets]:
        shown += map(str, each.fn().values())
assert sum('data-state="recorded"' in value for value in shown) == 5
assert any('"panels": [{' in value for value in shown), "no place on the map"
slow = {"torch", "transformers", "sklearn", "scipy"} & set(sys.modules)
assert not slow, slow
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not DEFAULT, reason="nothing is shipped")
def test_only_models_with_recordings_can_be_chosen_where_none_runs(monkeypatch):
    monkeypatch.setenv("STEERING_MODEL", "none")
    engine = app.engine_from_environment()
    assert engine.name == catalog.DEFAULT_MODEL
    assert engine.supply.model is None
    assert set(engine.supply.names) <= set(folders.available())
    other = next(name for name in engine.supply.names if name != engine.name)
    engine.choose(other)
    assert (engine.name, engine.status.phase) == (other, "recorded")
