"""Runs: from a visitor's click to the answers on the cards, or to a sentence that says why not."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from steering import formatting
from steering.artifacts.recording_document import Recording
from steering.chat_templates.control_tokens import told
from steering.errors import SteeringError
from steering.inference.comparison import Answer, check_length, compare
from steering.serving.engine import Engine
from steering.serving.machine_fit import remedy
from steering.serving.visitor_line import Run
from steering.ui import explanation, growing_cards, text
from steering.ui.layout import Page
from steering.ui.map.locate import placed_or_kept
from steering.ui.playground import answer_html, card_settings, cards, ended_runs
from steering.ui.playground.asked import Asked, EndedRun, Setting, Values
from steering.ui.playground.conversations import Following, following
from steering.ui.playground.conversations import first_request as first_said

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel
    from steering.serving.shared_steps import SharedSteps

_POLL_SECONDS = 0.25
"""How often a waiting run looks whether its turn has come."""
Updates = dict[Any, Any]


def outputs_of(page: Page) -> list[Any]:
    """Return the components that a recording may change."""
    return [page.atlas.board, page.follow, *answers_of(page)]


def run_outputs_of(page: Page) -> list[Any]:
    """Return the components that a run may change."""
    return [page.answered, *answers_of(page)]


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
    try:
        updates = _recorded(page, engine, asked, recording)
    except SteeringError as error:
        return {page.note: text.note(formatting.sentence(str(error)), "error")}
    if engine.model is None:
        updates[page.atlas.board] = placed_or_kept(page.atlas, engine, asked) or gr.skip()
    words = explanation.RECORDED if recording else explanation.WELCOME
    return updates | ended_note(page, words) | no_conversation(page)


def _recorded(page: Page, engine: Engine, asked: Asked, recording: Recording | None) -> Updates:
    """Return the updates that show a recording on the cards; without one they are empty.

    Raises:
        SteeringError: If there is one, and a card's settings do not fit.
    """
    answers: dict[str, Answer | None] = {}
    if recording is not None:
        panels = {slot: each.panel(engine.outline) for slot, each in asked.settings.items()}
        answers = card_settings.recorded(recording, panels, engine.outline)
    updates: Updates = {}
    for card in page.cards:
        answer = answers.get(card.slot)
        state: answer_html.State = "recorded" if answer else "missing" if recording else "idle"
        if not asked.settings[card.slot].on:
            answer, state = None, "off"
        updates[card.view] = answer_html.view(answer, state)
        updates[card.tokens] = answer_html.first_tokens(answer.first_tokens if answer else ())
    return updates


def _given_back(page: Page, engine: Engine, follow: Following) -> Updates:
    """Return the updates of cards that have waited for nothing: what stood there before."""
    asked, before = follow.asked, follow.before
    if before is not None:
        return growing_cards.ended(page, before)
    with suppress(SteeringError):
        recording = engine.recording(asked.prompt, asked.system)
        return _recorded(page, engine, asked, recording)
    return _recorded(page, engine, asked, None)


def recorded_first(page: Page, engine: Engine) -> Updates:
    """Return the updates that show the first recording; none where nothing is recorded."""
    first = next(iter(engine.recordings), None)
    return recorded_again(page, engine, first["prompt"]) if first else {}


def recorded_again(page: Page, engine: Engine, prompt: str, system: str = "") -> Updates:
    """Return the updates that show a request's recording on cards in their first state, if any."""
    if engine.recording(prompt, system) is None:
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
    return replay(page, engine, Asked(prompt, settings))


def first_request(page: Page, engine: Engine) -> Updates:
    """Return the update that puts the first recorded request into the box, if there is one."""
    first = next(iter(engine.recordings), None)
    return {page.request: first["prompt"]} if first else {}


def restarted(page: Page, engine: Engine) -> Updates:
    """Return the updates that bring all cards back to their first state."""
    updates: Updates = {
        page.note: text.note(explanation.WELCOME),
        page.stop: gr.update(interactive=False),
        **no_conversation(page),
    }
    for card in page.cards:
        updates |= cards.restart(card, engine.outline)
        is_on = card_settings.starts_on(card.slot, engine.outline)
        updates[card.view] = answer_html.view(None, "idle" if is_on else "off")
        updates[card.tokens] = answer_html.first_tokens(())
    return updates


def whole(page: Page, running: Iterator[Updates]) -> Iterator[Updates]:
    """Give a run's updates with what they leave out as it was.

    Gradio makes a component anew for what an update leaves out, at a millisecond or two each, ten
    times a second for every visitor. Plain values for all took a fourth to a sixth of that.
    """
    known: Updates = {page.stop: page.stop.value, page.answered: None}  # a button's is its label
    for updates in running:
        plain = {part: value for part, value in updates.items() if isinstance(value, str)}
        known |= plain
        yield known | updates


def run(page: Page, engine: Engine, visitor: str, values: Values) -> Iterator[Updates]:
    """Answer a request."""
    yield from in_line(page, engine, visitor, lambda mine: _answer(page, engine, mine, values))


def in_line(
    page: Page, engine: Engine, visitor: str, answer: Callable[[Run], Iterator[Updates]]
) -> Iterator[Updates]:
    """Stand in line and answer; the one function where a visitor's mistakes become sentences."""
    try:
        with engine.run(visitor) as mine:
            for updates in answer(mine):
                # Another run of the same visitor now owns the cards.
                if mine.superseded.is_set():
                    return
                yield updates
    except SteeringError as error:
        yield refused_note(page, error)


def _answer(page: Page, engine: Engine, run: Run, values: Values) -> Iterator[Updates]:
    asked = page.read(values)
    check_length(asked.prompt, asked.system)
    follow = Following(asked)
    if values.get(page.follow):
        follow = following(asked, values.get(page.inspector.answers))
    asked = follow.asked
    sampling = page.shared.sampling(values)
    panels = [setting.panel(engine.outline) for setting in asked.chosen.values()]
    # The baseline is written where it is not shown, too.
    run.rows = len(panels) + all(panel.name != "baseline" for panel in panels)
    yield {page.stop: gr.update(interactive=True), **growing_cards.waiting(page, follow)}
    try:
        yield from wait_for_turn(page, engine, run)
        found, maps_id = now_served(engine, run)
        if found is None:
            yield _given_back(page, engine, follow) | ended_note(page, "Stopped before it began.")
            return
        follow.require(maps_id)
        steerable, steps = found
        yield {page.note: text.note("Writing …", "busy")}
        began = time.monotonic()
        growing = compare(
            steerable,
            asked.prompt,
            panels,
            sampling=sampling,
            stop=run.stop,
            system=asked.system,
            decode=steps.generate,
            histories=follow.histories,
        )
        answers = yield from growing_cards.show_growing(page, follow.talks, growing, asked.prompt)
    except SteeringError as error:
        # Nothing will come that the cards wait for.
        yield _given_back(page, engine, follow) | refused_note(page, error)
        return
    word = "Stopped" if run.stop.is_set() else "Done"
    said = f"{word} after {time.monotonic() - began:.1f} seconds. Press a word to look into it."
    if tokens := steerable.model.template.control_tokens(asked.prompt, asked.system):
        said += f" {told(tokens)}"
    titles = [setting.title for setting in asked.chosen.values()]
    yield ended_note(page, said, text.outcome(titles, answers))
    yield {
        page.answered: ended_runs.ended_run(
            asked, answers, sampling, steerable, maps_id, follow.before
        )
    }


def now_served(
    engine: Engine, run: Run | None = None
) -> "tuple[tuple[SteerableModel, SharedSteps] | None, str]":
    """Return what the engine serves now, None where nothing is or the run was stopped, and its id.

    Raises:
        SteeringError: If what was fitted does not fit the model.
    """
    with engine.still():
        stopped = run is not None and run.stop.is_set()
        return None if stopped else engine.steerable(), engine.maps_id


def place_answers(page: Page, engine: Engine, ended: EndedRun | None) -> Any:  # noqa: ANN401
    """Return the map's value for a run that has ended with its answers; None is of no run."""
    if ended is None or ended.is_conversation:  # the map stays with the first request
        return gr.skip()
    written = [ended.token_ids[slot] for slot in ended.asked.chosen]
    return placed_or_kept(page.atlas, engine, ended.asked, written) or gr.skip()


def place(page: Page, engine: Engine, values: Values) -> Any:  # noqa: ANN401 - Gradio's skip
    """Return the map's value for a request and the cards' settings; answers are left alone."""
    asked = page.read(values)
    if values.get(page.follow):
        asked = replace(asked, prompt=first_said(values.get(page.inspector.answers)))
    return placed_or_kept(page.atlas, engine, asked) or gr.skip()


def wait_for_turn(page: Page, engine: Engine, run: Run) -> Iterator[Updates]:
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
        yield {page.note: text.note(words, "busy")} if words != said else {}
        said = words
        if status.phase == "ready" and ahead == 0:
            return
        time.sleep(_POLL_SECONDS)


def no_conversation(page: Page) -> Updates:
    """Return the update of the tick where there is nothing to follow up; Gradio takes it apart."""
    return {page.follow: gr.update(value=False, interactive=False)}


def ended_note(page: Page, words: str, detail: str = "") -> Updates:
    """Return the updates that say that a run is over."""
    return {page.note: text.note(words, detail=detail), page.stop: gr.update(interactive=False)}


def refused_note(page: Page, error: SteeringError) -> Updates:
    """Return the updates that say why a run came to nothing."""
    said = text.note(formatting.sentence(str(error)), "error")
    return {page.note: said, page.stop: gr.update(interactive=False)}
