"""Runs: from a visitor's click to the answers on the cards, or to a sentence that says why not."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from steering import formatting
from steering.chat_templates.control_tokens import told
from steering.errors import SteeringError
from steering.inference.comparison import Answer, check_length, compare
from steering.serving.engine import Engine
from steering.serving.machine_fit import remedy
from steering.serving.visitor_line import Run
from steering.ui import explanation, text
from steering.ui.layout import Page
from steering.ui.map.locate import placed_or_kept
from steering.ui.playground import answer_html, card_settings, cards
from steering.ui.playground.asked import Asked, Setting, Values

_POLL_SECONDS = 0.25
"""How often a waiting run looks whether its turn has come."""
Updates = dict[Any, Any]


def outputs_of(page: Page) -> list[Any]:
    """Return the components that a run or a recording may change."""
    return [page.atlas.board, *answers_of(page)]


def answers_of(page: Page) -> list[Any]:
    """Return the components that belong to a visitor's run while it is under way."""
    return [
        page.note,
        page.stop,
        *(each for card in page.cards for each in (card.view, card.tokens)),
    ]


def replay(page: Page, engine: Engine, asked: Asked) -> Updates:
    """Return the updates that show a recording, or empty cards if there is none."""
    recording = engine.recording(asked.prompt, asked.system)
    answers: dict[str, Answer | None] = {}
    if recording is not None:
        try:
            panels = {slot: each.panel(engine.outline) for slot, each in asked.settings.items()}
            answers = card_settings.recorded(recording, panels, engine.outline)
        except SteeringError as error:
            return {page.note: text.note(formatting.sentence(str(error)), "error")}
    updates: Updates = {page.stop: gr.update(interactive=False)}
    for card in page.cards:
        answer = answers.get(card.slot)
        state: answer_html.State = "recorded" if answer else "missing" if recording else "idle"
        if not asked.settings[card.slot].on:
            answer, state = None, "off"
        updates[card.view] = answer_html.view(answer, state)
        updates[card.tokens] = answer_html.first_tokens(answer.first_tokens if answer else ())
    if engine.model is None:
        updates[page.atlas.board] = placed_or_kept(page.atlas, engine, asked) or gr.skip()
    words = explanation.RECORDED if recording else explanation.WELCOME
    return updates | {page.note: text.note(words)}


def recorded_first(page: Page, engine: Engine) -> Updates:
    """Return the updates that show the first recording; none where nothing is recorded."""
    first = next(iter(engine.recordings), None)
    if first is None:
        return {}
    settings = {
        card.slot: Setting(
            card.slot,
            card_settings.starts_on(card.slot, engine.outline),
            card_settings.kind_of(card.slot),
            card_settings.start(panel, engine.outline),
        )
        for card, panel in zip(page.cards, card_settings.SLOTS.values(), strict=True)
    }
    return replay(page, engine, Asked(first["prompt"], settings))


def first_request(page: Page, engine: Engine) -> Updates:
    """Return the update that puts the first recorded request into the box, if there is one."""
    first = next(iter(engine.recordings), None)
    return {page.request: first["prompt"]} if first else {}


def restarted(page: Page, engine: Engine) -> Updates:
    """Return the updates that bring all cards back to their first state."""
    updates: Updates = {
        page.note: text.note(explanation.WELCOME),
        page.stop: gr.update(interactive=False),
    }
    for card in page.cards:
        updates |= cards.restart(card, engine.outline)
        is_on = card_settings.starts_on(card.slot, engine.outline)
        updates[card.view] = answer_html.view(None, "idle" if is_on else "off")
        updates[card.tokens] = answer_html.first_tokens(())
    return updates


def run(page: Page, engine: Engine, visitor: str, values: Values) -> Iterator[Updates]:
    """Answer a request; the one function where a visitor's mistakes become sentences."""
    try:
        with engine.run(visitor) as mine:
            for updates in _answer(page, engine, mine, values):
                # Another run of the same visitor now owns the cards.
                if mine.superseded.is_set():
                    return
                yield updates
    except SteeringError as error:
        yield {
            page.note: text.note(formatting.sentence(str(error)), "error"),
            page.stop: gr.update(interactive=False),
        }


def _answer(page: Page, engine: Engine, run: Run, values: Values) -> Iterator[Updates]:
    asked = page.read(values)
    check_length(asked.prompt, asked.system)
    sampling = page.shared.sampling(values)
    panels = [setting.panel(engine.outline) for setting in asked.chosen.values()]
    yield {page.stop: gr.update(interactive=True), **_waiting(page, asked.chosen)}
    yield from _wait(page, engine, run)
    if run.stop.is_set() or engine.model is None or engine.directions is None:
        idle = replay(page, engine, replace(asked, prompt=""))
        yield idle | _ended(page, "Stopped before it began.")
        return
    model = engine.model
    yield {page.note: text.note("Writing …", "busy")}
    shown = [card for card in page.cards if card.slot in asked.chosen]
    answers: tuple[Answer, ...] = ()
    began = time.monotonic()
    listed = False
    for answers in _alone(
        engine,
        compare(
            model,
            engine.directions,
            asked.prompt,
            panels,
            sampling=sampling,
            stop=run.stop,
            system=asked.system,
        ),
    ):
        updates = {
            card.view: answer_html.view(answer, "done" if answer.verdict else "writing")
            for card, answer in zip(shown, answers, strict=True)
        }
        if not listed:
            listed = True
            for card, answer in zip(shown, answers, strict=True):
                updates[card.tokens] = answer_html.first_tokens(answer.first_tokens)
        yield updates
    titles = [setting.title for setting in asked.chosen.values()]
    word = "Stopped" if run.stop.is_set() else "Done"
    said = f"{word} after {time.monotonic() - began:.1f} seconds."
    if found := model.template.control_tokens(asked.prompt, asked.system):
        said += f" {told(found)}"
    yield _ended(page, said, text.outcome(titles, answers))
    written = [answer.token_ids for answer in answers]
    places = placed_or_kept(page.atlas, engine, asked, written)
    yield {page.atlas.board: places or gr.skip()}


def _alone(engine: Engine, answers: Iterator[tuple[Answer, ...]]) -> Iterator[tuple[Answer, ...]]:
    """Keep placings away while a run's edits are in the model."""
    with engine.reading:
        yield from answers


def place(page: Page, engine: Engine, values: Values) -> Any:  # noqa: ANN401 - Gradio's skip
    """Return the map's value for a request and the cards' settings; answers are left alone."""
    return placed_or_kept(page.atlas, engine, page.read(values)) or gr.skip()


def _waiting(page: Page, chosen: Mapping[str, Setting]) -> Updates:
    updates: Updates = {}
    for card in page.cards:
        updates[card.view] = answer_html.view(None, "waiting" if card.slot in chosen else "off")
        updates[card.tokens] = answer_html.first_tokens(())
    return updates


def _wait(page: Page, engine: Engine, run: Run) -> Iterator[Updates]:
    """Stand in line, and wait for the model; say so whenever something changes."""
    said = ""
    while not run.stop.is_set():
        status, ahead = engine.status, engine.ahead(run)
        if status.phase == "failed":
            raise SteeringError(f"the model is not available: {status.sentence}")
        if status.phase == "unfitted" and engine.fitting.phase != "running":
            raise SteeringError(f"this model has no directions yet; {remedy(engine)}")
        words = text.position_in_line(ahead, status)
        # A yield is also where Gradio can end a run whose visitor has gone.
        yield {page.note: text.note(words, "busy")} if words != said else {page.note: gr.skip()}
        said = words
        if status.phase == "ready" and ahead == 0:
            return
        time.sleep(_POLL_SECONDS)


def _ended(page: Page, words: str, detail: str = "") -> Updates:
    return {page.note: text.note(words, detail=detail), page.stop: gr.update(interactive=False)}
