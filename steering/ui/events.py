"""Wires the page: what happens on a click, a move of a slider, a tick of the clock."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from steering.errors import SteeringError
from steering.interventions.panel import Panel, parse
from steering.serving.engine import Engine
from steering.ui import explanation, run_handlers, text
from steering.ui.dose import dose_section
from steering.ui.layout import Page, choices, strip_of
from steering.ui.map import map_section
from steering.ui.playground import card_settings, cards, rendered_request
from steering.ui.playground.asked import Values
from steering.ui.playground.cards import Card
from steering.ui.results import results_section
from steering.ui.run_handlers import Updates

_CALM_SECONDS = 5.0
"""Time between two looks at the engine once the model is there."""
_SETTLE = "() => { window.steering.calm(); window.steering.place(); }"
"""After the page has set its own sliders: no run of theirs begins, and the map shows the places."""
_ARRIVE = "() => { window.steering.calm(300); window.steering.place(); }"
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
    map_section.wire(page.atlas, partial(run_handlers.place, page, engine), page.asked)
    page.request.change(js="() => window.steering.place()", **quiet)
    dose_section.wire(
        page.doses, partial(_bring, page, engine), [page.doses.said, *_card_outputs(page)]
    )
    results_section.wire(page.results, engine, [load, page.timer.tick])

    def run(request: gr.Request, values: Values) -> Iterator[Updates]:
        yield from run_handlers.run(page, engine, request.session_hash or "", values)

    answered = gr.on(
        [page.run.click, page.request.submit],
        run,
        inputs=page.asked,
        outputs=run_handlers.outputs_of(page),
        # Runs stand in the engine's own line, which knows a visitor's place and how to leave.
        concurrency_limit=None,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
        preprocess=False,
    )

    # What is not a visitor's mistake is a bug: Gradio has logged it, and the page says so.
    answered.failure(
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
        outputs=[*_card_outputs(page), page.note, page.stop, *first],
        js="() => { window.steering.calm(); }",
        **quiet,
    )


def _card_outputs(page: Page) -> list[Any]:
    return [
        each
        for card in page.cards
        for each in (*card.inputs, card.head, card.form, card.view, card.tokens)
    ]


def _wire_status(page: Page, engine: Engine, load: Callable[..., Any], quiet: Any) -> None:  # noqa: ANN401
    outputs = _status_of(page)
    tick = partial(_tick, page, engine)
    laid_out = engine.maps_id

    def arrive() -> Updates:
        engine.start()
        # The page is laid out once: what was fitted or chosen since is not in it.
        others = laid_out != engine.maps_id
        shown = (
            _renew(page, engine) | run_handlers.first_request(page, engine) if others else tick()
        )
        return shown | run_handlers.recorded_first(page, engine)

    def retry() -> Updates:
        engine.start(again=True)
        return tick()

    changed = [page.request, *_renewed_of(page), *run_handlers.outputs_of(page)]
    arrived = load(arrive, outputs=list(dict.fromkeys(changed)), **quiet)
    # On a slow machine the model can be ready before Gradio's page hears a click.
    arrived.then(js=_ARRIVE, **quiet)
    page.timer.tick(tick, outputs=outputs, **quiet)
    page.retry.click(retry, outputs=outputs, **quiet)
    _wire_changes(page, engine, quiet)


def _status_of(page: Page) -> list[Any]:
    thinking = [page.thinking] if page.thinking is not None else []
    return [page.strip, page.retry, page.timer, page.facts, *thinking]


def _tick(page: Page, engine: Engine) -> Updates:
    busy = engine.status.phase in ("idle", "loading") or engine.fitting.phase == "running"
    return {
        page.strip: strip_of(engine),
        page.retry: gr.update(visible=engine.status.phase == "failed"),
        page.timer: gr.Timer(0.5 if busy else _CALM_SECONDS),
        page.facts: explanation.facts(engine),
        **_thinking(page, engine),
    }


def _renew(page: Page, engine: Engine) -> Updates:
    """Show what there is of a model, or of directions, that were not there before."""
    chosen = gr.update(choices=choices(engine), value=engine.name)
    chooser = {page.chooser: chosen} if page.chooser is not None else {}
    return {
        **_tick(page, engine),
        **run_handlers.restarted(page, engine),
        page.atlas.board: map_section.empty(engine),
        page.doses.board: dose_section.empty(engine),
        page.doses.said: "",
        **chooser,
    }


def _renewed_of(page: Page) -> list[Any]:
    chooser = [page.chooser] if page.chooser is not None else []
    sections = [page.atlas.board, page.doses.board, page.doses.said, *chooser]
    return [*_status_of(page), *_card_outputs(page), page.note, page.stop, *sections]


def _wire_changes(page: Page, engine: Engine, quiet: Any) -> None:  # noqa: ANN401
    """Connect what brings other directions: a fit, a mode, a model."""
    outputs = _renewed_of(page)

    def follow(request: gr.Request, values: Values) -> Updates:
        asked = page.read(values)
        # As before the first run: what is recorded of the request that stands there.
        again = run_handlers.recorded_again(page, engine, asked.prompt, asked.system)
        shown = _renew(page, engine) | again
        # A run under way goes on, and its cards are its own.
        if engine.has_run(request.session_hash or ""):
            for each in run_handlers.answers_of(page):
                del shown[each]
        return shown

    raw = quiet | {"preprocess": False}
    adopted = page.atlas.adopt.click(follow, inputs=page.asked, outputs=outputs, **raw)
    adopted.then(js=_SETTLE, **quiet)
    if page.thinking is not None:
        think = partial(_think, page, engine)
        chosen = page.thinking.input(think, inputs=page.thinking, outputs=outputs, **raw)
        chosen.then(js=_SETTLE, **quiet)
    if page.chooser is not None:
        # Not `change`, which also tells of what the page itself has set.
        calm = "(name) => { window.steering.calm(); return name; }"
        choose = partial(_choose, page, engine)
        chosen = page.chooser.input(choose, inputs=page.chooser, outputs=outputs, js=calm, **quiet)
        chosen.then(js=_SETTLE, **quiet)


def _think(page: Page, engine: Engine, mode: object) -> Updates:
    if mode in ("on", "off"):  # as it comes from a browser
        engine.think(str(mode))
    return _renew(page, engine)


def _choose(page: Page, engine: Engine, name: str | None) -> Updates:
    if name is None:  # the list's text was emptied
        return _tick(page, engine)
    engine.choose(name)
    return _renew(page, engine)


def _thinking(page: Page, engine: Engine) -> Updates:
    """Show the choice where the model's template has one."""
    if page.thinking is None:
        return {}
    mode = engine.model.template.mode if engine.model is not None else None
    if mode is None or len(mode.choices) < 2:
        return {page.thinking: gr.update(visible=False)}
    return {page.thinking: gr.update(visible=True, value=mode.thinking)}


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
        narrowing = [card.controls[key] for key in ("layer", "basis") if key in card.controls]
        if "k" in card.controls:
            gr.on(
                [control.change for control in narrowing],
                partial(_refit, card, engine),
                inputs=inputs,
                outputs=[card.controls[key] for key in ("k", "layer")],
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
            engine.abandon(request.session_hash or "")
            asked = replace(page.read(values), prompt=prompt)
            return {page.request: prompt} | run_handlers.replay(page, engine, asked)

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
