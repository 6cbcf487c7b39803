"""Runs: from a visitor's click to the answers on the cards, or to a sentence that says why not."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from steering import formatting
from steering.chat_templates.control_tokens import told
from steering.errors import SteeringError
from steering.inference.comparison import Answer, check_length, compare
from steering.serving.engine import Engine
from steering.serving.from_the_start import ReplicaLostError, from_the_start
from steering.serving.machine_fit import remedy
from steering.serving.visitor_line import Run
from steering.ui import explanation, growing_cards, replays, text
from steering.ui.layout import Page
from steering.ui.map.locate import placed_or_kept
from steering.ui.playground import answer_html, card_settings, cards, ended_runs
from steering.ui.playground.asked import EndedRun, Values
from steering.ui.playground.conversations import Following, following
from steering.ui.playground.conversations import first_request as first_said
from steering.ui.playground.request_mark import mark_of
from steering.ui.replays import Updates, no_conversation

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel
    from steering.serving.shared_steps import SharedSteps

_POLL_SECONDS = 0.25
"""How often a waiting run looks whether its turn has come."""


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


def restarted(page: Page, engine: Engine) -> Updates:
    """Return the updates that bring all cards back to their first state."""
    updates: Updates = {
        page.note: text.note(explanation.welcome(engine)),
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
    """Answer a request; where no model runs, with what is recorded of it."""
    if engine.status.phase == "recorded":
        yield replays.rerun(page, engine, page.read(values))
        return
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
        mark = mark_of(engine, asked.prompt, asked.system)

        def written() -> Generator[Updates, None, tuple[Answer, ...]]:
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
            growing = engine.counts.watched(growing, run)
            return growing_cards.show_growing(
                page, follow.talks, growing, asked.prompt, mark, engine.paces
            )

        answers = yield from from_the_start(
            written, lambda lost: begun_again(page, lost) | growing_cards.waiting(page, follow)
        )
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


def _given_back(page: Page, engine: Engine, follow: Following) -> Updates:
    """Return the updates of cards that have waited for nothing: what stood there before."""
    if follow.before is not None:
        return growing_cards.ended(page, engine, follow.before)
    return replays.given_back(page, engine, follow.asked)


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


def begun_again(page: Page, lost: ReplicaLostError) -> Updates:
    """Return the updates that say that answers are written anew."""
    return {page.note: text.note(formatting.sentence(str(lost)), "busy")}


def ended_note(page: Page, words: str, detail: str = "") -> Updates:
    """Return the updates that say that a run is over."""
    return {page.note: text.note(words, detail=detail), page.stop: gr.update(interactive=False)}


def refused_note(page: Page, error: SteeringError) -> Updates:
    """Return the updates that say why a run came to nothing."""
    said = text.note(formatting.sentence(str(error)), "error")
    return {page.note: said, page.stop: gr.update(interactive=False)}
