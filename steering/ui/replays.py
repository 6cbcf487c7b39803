"""Recordings on the cards: of an example, of a link, and of any request where no model runs."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import gradio as gr

from steering import formatting
from steering.artifacts.recording_document import Recording
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.interventions.panel import parse
from steering.serving.engine import Engine
from steering.ui import explanation, text
from steering.ui.layout import Page
from steering.ui.map.locate import placed_or_kept
from steering.ui.playground import answer_html, card_settings
from steering.ui.playground.asked import Asked, Setting
from steering.ui.playground.request_mark import mark_of

Updates = dict[Any, Any]
_NOT_RECORDED: Final = (
    "This request is not recorded, and no model runs here that could answer it. Choose one of the "
    "examples."
)
_WITH_SYSTEM: Final = (
    "Answers were recorded without a system prompt, and no model runs here. Empty that field in "
    "Settings."
)


def replay(page: Page, engine: Engine, asked: Asked) -> Updates:
    """Return the updates that show a recording, or empty cards if there is none."""
    recording = engine.recording(asked.prompt, asked.system)
    try:
        updates = recorded_cards(page, engine, asked, recording)
    except SteeringError as error:
        return {page.note: text.note(formatting.sentence(str(error)), "error")}
    if engine.model is None:
        updates[page.atlas.board] = placed_or_kept(page.atlas, engine, asked) or gr.skip()
    return updates | {
        page.note: text.note(_said(engine, recording)),
        page.stop: gr.update(interactive=False),
        **no_conversation(page),
    }


def rerun(page: Page, engine: Engine, asked: Asked) -> Updates:
    """Return the updates that Run gives where no model runs: a recording, or why there is none."""
    if engine.recording(asked.prompt, asked.system) is None:
        words = _WITH_SYSTEM if engine.recording(asked.prompt) else _NOT_RECORDED
        empty = recorded_cards(page, engine, asked, None)
        return empty | {page.note: text.note(words, "error"), page.stop: gr.skip()}
    updates = replay(page, engine, asked)
    updates.pop(page.atlas.board, None)  # the browser asks for it, as after a move of a slider
    updates.pop(page.follow, None)  # nobody could have set it: nothing was answered here
    return updates


def _said(engine: Engine, recording: Recording | None) -> str:
    if engine.status.phase == "recorded":
        return explanation.RECORDED_ONLY
    return explanation.RECORDED if recording else explanation.WELCOME


def recorded_cards(
    page: Page, engine: Engine, asked: Asked, recording: Recording | None
) -> Updates:
    """Return the updates that show a recording on the cards; without one they are empty.

    Raises:
        SteeringError: If there is one, and a card's settings do not fit.
    """
    answers: dict[str, Answer | None] = {}
    if recording is not None:
        panels = {slot: each.panel(engine.outline) for slot, each in asked.settings.items()}
        answers = card_settings.recorded(recording, panels, engine.outline)
    mark = mark_of(engine, asked.prompt, asked.system)
    updates: Updates = {}
    for card in page.cards:
        answer = answers.get(card.slot)
        state: answer_html.State = "recorded" if answer else "missing" if recording else "idle"
        setting = asked.settings[card.slot]
        if not setting.on:
            answer, state = None, "off"
        hint = _hint(engine, recording, setting, state)
        updates[card.view] = answer_html.view(answer, state, mark=mark, hint=hint)
        updates[card.tokens] = answer_html.first_tokens(answer.first_tokens if answer else ())
    return updates


def _hint(
    engine: Engine, recording: Recording | None, setting: Setting, state: answer_html.State
) -> str:
    """Return what a card says of recordings where no model can take their place; else nothing."""
    if engine.status.phase != "recorded":
        return ""
    if state == "off":
        return ""
    if state == "idle":
        return "No model runs here. Choose an example to see its recorded answers."
    if state == "missing" and recording is not None:
        return f"Not recorded with these settings. {_settings_of(recording, setting.kind)}"
    return "This was computed earlier and stored with the app; no model runs here."


def _settings_of(recording: Recording, kind: str) -> str:
    """Say with which settings a kind of panel is recorded."""
    forms = recording.get("panels") or [each["panel"] for each in recording["answers"]]
    found = [form for form in forms if parse(form).name == kind]
    if not found:
        return "This edit is not recorded at all."
    return f"Recorded of this edit: {', '.join(found)}."


def given_back(page: Page, engine: Engine, asked: Asked) -> Updates:
    """Return the updates of cards that have waited for nothing: a recording, if they had one."""
    with suppress(SteeringError):
        recording = engine.recording(asked.prompt, asked.system)
        return recorded_cards(page, engine, asked, recording)
    return recorded_cards(page, engine, asked, None)


def recorded_first(page: Page, engine: Engine) -> Updates:
    """Return the updates that show the first recording; none where nothing is recorded."""
    first = next(iter(engine.recordings), None)
    return recorded_again(page, engine, first["prompt"]) if first else {}


def recorded_again(page: Page, engine: Engine, prompt: str, system: str = "") -> Updates:
    """Return the updates that show a request's recording on cards in their first state, if any."""
    if engine.recording(prompt, system) is None:
        return {}
    return replay(page, engine, Asked(prompt, first_settings(page, engine)))


def first_settings(page: Page, engine: Engine) -> Mapping[str, Setting]:
    """Return the cards' settings in their first state."""
    return {
        card.slot: Setting(
            card.slot,
            card_settings.starts_on(card.slot, engine.outline),
            card_settings.kind_of(card.slot),
            card_settings.start(panel, engine.outline),
        )
        for card, panel in zip(page.cards, card_settings.SLOTS.values(), strict=True)
    }


def first_request(page: Page, engine: Engine) -> Updates:
    """Return the update that puts the first recorded request into the box, if there is one."""
    first = next(iter(engine.recordings), None)
    return {page.request: first["prompt"]} if first else {}


def no_conversation(page: Page) -> Updates:
    """Return the update of the tick where there is nothing to follow up; Gradio takes it apart."""
    return {page.follow: gr.update(value=False, interactive=False)}
