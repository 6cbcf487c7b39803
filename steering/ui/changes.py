"""What brings another model, mode, speed or fit, and what the page shows of it then."""

from functools import partial
from typing import Any

import gradio as gr

from steering.serving import speed_switch
from steering.serving.engine import Engine
from steering.ui import explanation, replays, run_handlers, tour
from steering.ui.contrast import contrast_handlers
from steering.ui.dose import dose_section
from steering.ui.layout import Page, choices, strip_of
from steering.ui.map import map_section
from steering.ui.playground.asked import Values
from steering.ui.replays import Updates

_CALM_SECONDS = 5.0
"""Time between two looks at the engine once the model is there."""
_SETTLE = "() => { window.steering.calm(); window.steering.place(); }"
"""After the page has set its own sliders: no run of theirs begins, and the map shows the places."""


def status_of(page: Page) -> list[Any]:
    """Return what `tick` gives values for."""
    choices = [each for each in (page.thinking, page.speed) if each is not None]
    own = [page.contrast.playing, *([page.contrast.back] if page.contrast.back else [])]
    return [page.strip, page.retry, page.timer, page.facts, *own, *choices]


def tick(page: Page, engine: Engine) -> Updates:
    """Show how far the engine is."""
    busy = engine.status.phase in ("idle", "loading") or engine.fitting.phase == "running"
    busy = busy or bool(engine.switch.to)
    return {
        page.strip: strip_of(engine),
        page.retry: gr.update(visible=engine.status.phase == "failed"),
        page.timer: gr.Timer(0.5 if busy else _CALM_SECONDS),
        page.facts: explanation.facts(engine),
        **contrast_handlers.playing(page.contrast, engine),
        **_thinking(page, engine),
        **_speed(page, engine),
    }


def renew(page: Page, engine: Engine) -> Updates:
    """Show what there is of a model, or of directions, that were not there before."""
    chosen = gr.update(choices=choices(engine), value=engine.name)
    chooser = {page.chooser: chosen} if page.chooser is not None else {}
    return {
        **tick(page, engine),
        **run_handlers.restarted(page, engine),
        page.atlas.board: map_section.empty(engine),
        page.doses.board: dose_section.empty(engine),
        page.doses.said: "",
        page.tour: tour.told(engine),
        **chooser,
    }


def renewed_of(page: Page) -> list[Any]:
    """Return what `renew` gives values for."""
    chooser = [page.chooser] if page.chooser is not None else []
    sections = [page.atlas.board, page.doses.board, page.doses.said, page.tour, *chooser]
    bar = [page.note, page.stop, page.follow]
    return [*status_of(page), *card_outputs(page), *bar, *sections]


def card_outputs(page: Page) -> list[Any]:
    """Return what a change of directions changes on the cards."""
    return [
        each
        for card in page.cards
        for each in (*card.inputs, card.head, card.form, card.view, card.tokens)
    ]


def followed(page: Page, engine: Engine, visitor: str, values: Values) -> Updates:
    """Show the directions that are served now on a page that shows others.

    Args:
        page: The page.
        engine: Has the directions.
        visitor: Whose page it is: a run of theirs goes on, and its cards are its own.
        values: Of `page.asked`.
    """
    asked = page.read(values)
    # As before the first run: what is recorded of the request that stands there.
    again = replays.recorded_again(page, engine, asked.prompt, asked.system)
    shown = renew(page, engine) | again
    if engine.has_run(visitor):
        for each in run_handlers.answers_of(page):
            del shown[each]
    return shown


def wire(page: Page, engine: Engine, quiet: Any) -> None:  # noqa: ANN401
    """Connect what brings other directions: a fit, a contrast, a mode, a model."""
    outputs = renewed_of(page)

    def follow(request: gr.Request, values: Values) -> Updates:
        return followed(page, engine, request.session_hash or "", values)

    raw = quiet | {"preprocess": False}
    changed = [page.atlas.adopt.click, *contrast_handlers.wire(page.contrast, engine)]
    for event in changed:
        event(follow, inputs=page.asked, outputs=outputs, **raw).then(js=_SETTLE, **quiet)
    if page.thinking is not None:
        think = partial(_think, page, engine)
        chosen = page.thinking.input(think, inputs=page.thinking, outputs=outputs, **raw)
        chosen.then(js=_SETTLE, **quiet)
    if page.speed is not None:
        hurry = partial(_hurry, page, engine)
        page.speed.input(hurry, inputs=page.speed, outputs=status_of(page), **raw)
    if page.chooser is not None:
        # Not `change`, which also tells of what the page itself has set.
        calm = "(name) => { window.steering.calm(); return name; }"
        choose = partial(_choose, page, engine)
        chosen = page.chooser.input(choose, inputs=page.chooser, outputs=outputs, js=calm, **quiet)
        chosen.then(js=_SETTLE, **quiet)


def _think(page: Page, engine: Engine, mode: object) -> Updates:
    if mode in ("on", "off"):  # as it comes from a browser
        engine.think(str(mode))
    return renew(page, engine)


def _hurry(page: Page, engine: Engine, speed: object) -> Updates:
    if speed in ("exact", "fast"):  # as it comes from a browser
        speed_switch.start(engine, str(speed))
    return tick(page, engine)


def _choose(page: Page, engine: Engine, name: str | None) -> Updates:
    if name is None:  # the list's text was emptied
        return tick(page, engine)
    engine.choose(name)
    return renew(page, engine)


def _thinking(page: Page, engine: Engine) -> Updates:
    """Show the choice where the model's template has one."""
    if page.thinking is None:
        return {}
    mode = engine.model.template.mode if engine.model is not None else None
    if mode is None or len(mode.choices) < 2:
        return {page.thinking: gr.update(visible=False)}
    return {page.thinking: gr.update(visible=True, value=mode.thinking)}


def _speed(page: Page, engine: Engine) -> Updates:
    """Show the choice of products where there is one, and how far a change is."""
    if page.speed is None:
        return {}
    model, switch = engine.model, engine.switch
    if model is None or not speed_switch.can(engine):
        return {page.speed: gr.update(visible=False)}
    info = "Loading; until then everything goes on as before." if switch.to else switch.said
    value = switch.to or speed_switch.speed_of(model)
    return {page.speed: gr.update(visible=True, value=value, info=info)}
