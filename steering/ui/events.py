"""Wires the page: what happens on a click, a move of a slider, a tick of the clock."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from steering.errors import SteeringError
from steering.interventions.panel import Panel, parse
from steering.serving.engine import Engine
from steering.ui import (
    changes,
    door,
    explanation,
    follow_up,
    opened_link,
    replays,
    room_feed,
    run_handlers,
    text,
    token_handlers,
)
from steering.ui.anatomy import anatomy_section
from steering.ui.dose import dose_section
from steering.ui.layout import Page
from steering.ui.map import map_section
from steering.ui.playground import card_settings, cards, rendered_request, run_saving
from steering.ui.playground.asked import EndedRun, Values
from steering.ui.playground.cards import Card
from steering.ui.replays import Updates
from steering.ui.results import results_section

_ARRIVE = (
    "() => { window.steering.calm(300); window.steering.place(); window.steering.link.open(); "
    "window.steering.tabs.arrive(); }"
)
"""The same for a page that has just come, whose visitor may be about to move one."""


def wire(page: Page, engine: Engine, load: Callable[..., Any]) -> None:
    """Connect every component to what it does.

    Args:
        page: The laid out components.
        engine: The model and the line in front of it.
        load: `Blocks.load`, which runs when a visitor opens the page.
    """
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    _wire_status(page, engine, load, quiet)
    _wire_cards(page, engine, quiet)
    _wire_examples(page, engine, quiet)
    rendered_request.wire(
        page.reads,
        engine,
        [page.request.blur, page.request.submit, page.run.click, page.shared.system.blur],
        request=page.request,
        system=page.shared.system,
    )
    room_feed.wire(page, quiet)
    map_section.wire(page.atlas, room_feed.place(page, engine), page.talking)
    page.request.change(js="() => window.steering.place()", **quiet)
    dose_section.wire(
        page.doses, partial(_bring, page, engine), [page.doses.said, *changes.card_outputs(page)]
    )
    results_section.wire(page.results, engine, [load, page.timer.tick])
    anatomy_section.wire(page.anatomy, engine, [page.timer.tick], page.asked, page.read)

    opened_link.wire(page, engine, quiet)

    def run(request: gr.Request, values: Values) -> Iterator[Updates]:
        visitor = request.session_hash or ""
        running = run_handlers.run(page, engine, visitor, values)
        running = door.let_in(page, engine, request, running)
        told = room_feed.told(page, engine, visitor, running, values)
        yield from run_handlers.whole(page, told)

    answered = gr.on(
        [page.run.click, page.request.submit],
        run,
        inputs=page.talking,
        outputs=run_handlers.run_outputs_of(page),
        # Runs stand in the engine's own line, which knows a visitor's place and how to leave.
        concurrency_limit=None,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
        preprocess=False,
    )

    gone_on = _wire_inspector(page, engine, quiet)
    follow_up.wire(page, quiet)
    for ended in (answered, gone_on):
        ended.then(
            token_handlers.remember,
            inputs=page.answered,
            outputs=page.inspector.answers,
            **quiet,
        )
        follow_up.wire_end(page, ended, quiet)
        ended.then(
            room_feed.place_answers(page, engine),
            inputs=page.answered,
            outputs=page.atlas.board,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        # What is not a visitor's mistake is a bug: Gradio has logged it, and the page says so.
        ended.failure(
            lambda: {
                page.note: text.note(explanation.BUG, "error"),
                page.stop: gr.update(interactive=False),
            },
            outputs=[page.note, page.stop],
            **quiet,
        )

    def stop(request: gr.Request) -> None:
        engine.stop(request.session_hash or "")

    page.stop.click(stop, **quiet)
    first = {component: component.value for component in page.shared.components}

    def reset(request: gr.Request) -> Updates:
        engine.abandon(request.session_hash or "")
        return run_handlers.restarted(page, engine) | first

    page.reset.click(
        reset,
        outputs=[*changes.card_outputs(page), page.note, page.stop, page.follow, *first],
        js="() => { window.steering.calm(); }",
        **quiet,
    )


def _wire_inspector(page: Page, engine: Engine, quiet: Any) -> Any:  # noqa: ANN401
    """Connect what takes a run that has ended; return the event of answers that go on."""
    kept = page.inspector.answers

    def look(event: gr.EventData, ended: EndedRun | None) -> str:
        return token_handlers.look(engine, event._data, ended)

    def go_on(event: gr.EventData, request: gr.Request, values: Values) -> Iterator[Updates]:
        visitor = request.session_hash or ""
        running = token_handlers.go_on(page, engine, visitor, event._data, values)
        running = door.let_in(page, engine, request, running)
        yield from run_handlers.whole(page, room_feed.told(page, engine, visitor, running))

    def save(event: gr.EventData, values: Values) -> str:
        return run_saving.saved(engine, event._data, page.read(values), values[kept])

    page.inspector.board.select(look, inputs=kept, outputs=page.inspector.board, **quiet)
    page.saving.board.select(
        save,
        inputs=page.asked | {kept},
        outputs=page.saving.board,
        preprocess=False,
        **quiet,
    )
    return page.inspector.board.submit(
        go_on,
        inputs=page.asked | {kept},
        outputs=run_handlers.run_outputs_of(page),
        concurrency_limit=None,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
        preprocess=False,
    )


def _wire_status(page: Page, engine: Engine, load: Callable[..., Any], quiet: Any) -> None:  # noqa: ANN401
    outputs = changes.status_of(page)
    tick = partial(changes.tick, page, engine)
    laid_out = engine.maps_id

    def arrive() -> Updates:
        engine.start()
        # The page is laid out once: what was fitted or chosen since is not in it.
        others = laid_out != engine.maps_id
        shown = (
            changes.renew(page, engine) | replays.first_request(page, engine) if others else tick()
        )
        return shown | replays.recorded_first(page, engine)

    def retry() -> Updates:
        engine.start(again=True)
        return tick()

    changed = [page.request, *changes.renewed_of(page), *run_handlers.outputs_of(page)]
    arrived = load(arrive, outputs=list(dict.fromkeys(changed)), **quiet)
    # On a slow machine the model can be ready before Gradio's page hears a click.
    arrived.then(js=_ARRIVE, **quiet)
    page.timer.tick(tick, outputs=outputs, **quiet)
    page.retry.click(retry, outputs=outputs, **quiet)
    changes.wire(page, engine, quiet)


def _wire_cards(page: Page, engine: Engine, quiet: Any) -> None:  # noqa: ANN401
    for card in page.cards:
        inputs = set(card.inputs)
        if not card.controls:
            continue
        show = partial(_form, card, engine)
        moved = [control.change for control in card.controls.values()]
        # Values come as they are typed, empty ones too: `dials` reads them, and says what is wrong.
        raw = quiet | {"preprocess": False}
        # The browser waits until the slider rests; see assets/page/live.js. First, since Gradio's
        # page begins with an event when the server has answered the one before it.
        gr.on([*moved, card.on.change], js="() => window.steering.moved()", **quiet)  # type: ignore[union-attr]
        gr.on(moved, show, inputs=inputs, outputs=card.form, trigger_mode="always_last", **raw)
        narrowing, narrowed = (
            [card.controls[key] for key in keys if key in card.controls]
            for keys in (("layer", "basis", "classes"), ("k", "layer", "classes"))
        )
        gr.on(
            [control.change for control in narrowing],
            partial(_refit, card, engine),
            inputs=inputs,
            outputs=narrowed,
            trigger_mode="always_last",
            **raw,
        )
        if card.kind is not None:
            card.kind.input(
                partial(_turn, card, engine),
                inputs=card.kind,
                outputs=[card.head, card.form, *card.controls.values()],
                **raw,
            )


def _form(card: Card, engine: Engine, values: Values) -> str:
    return cards.form_of(card.read(values), engine.outline)


def _refit(card: Card, engine: Engine, values: Values) -> Updates:
    return cards.refit(card, card.read(values), engine.outline)


def _turn(card: Card, engine: Engine, kind: object) -> Updates:
    if kind not in card_settings.FREE_KINDS:  # the list's text was emptied, or is still being typed
        return {card.form: gr.skip()}
    values = card_settings.start(Panel(kind), engine.outline)
    return cards.turn_into(card, kind, values, engine.outline)


def _wire_examples(page: Page, engine: Engine, quiet: Any) -> None:  # noqa: ANN401
    for prompt, button in page.examples:

        def show(request: gr.Request, values: Values, *, prompt: str = prompt) -> Updates:
            visitor = request.session_hash or ""
            engine.abandon(visitor)
            asked = replace(page.read(values), prompt=prompt)
            replayed = replays.replay(page, engine, asked)
            room_feed.show(page, engine, visitor, replayed, asked)
            return {page.request: prompt} | replayed

        button.click(
            show,
            inputs=page.asked,
            outputs=[page.request, *run_handlers.outputs_of(page)],
            preprocess=False,
            **quiet,
        )


def _bring(page: Page, engine: Engine, panel: str) -> Updates:
    """Set the card that a cell of the dose figures belongs to; the answers are left alone."""
    try:
        brought = card_settings.bring(parse(panel), engine.outline)
    except SteeringError as error:
        return {page.doses.said: dose_section.refused(error)}
    card = next(each for each in page.cards if each.slot == brought.slot)
    updates = cards.bring(card, brought, engine.outline)
    return updates | {page.doses.said: dose_section.told(brought, engine)}
