"""What a page's run, example or map shows a room, if its visitor leads one or is in one.

Followers get what is made here for the presenter's own page, so there is one run and one placing
for all of them. Nothing that a browser sends is shown to another as HTML.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, cast
from urllib.parse import urlencode

import gradio as gr

from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.ui import links, run_handlers, text
from steering.ui.layout import Page
from steering.ui.playground.asked import Asked, EndedRun, Values
from steering.ui.playground.conversations import first_request
from steering.ui.replays import Updates
from steering.ui.room import room_section


def wire(page: Page, quiet: Any) -> None:  # noqa: ANN401
    """Connect the event that says in which room a page is."""

    def sit(event: gr.EventData, request: gr.Request) -> None:
        room_section.sit(page.room.rooms, request.session_hash or "", event._data)

    page.room.board.submit(sit, **quiet)


def told(
    page: Page,
    engine: Engine,
    visitor: str,
    running: Iterator[Updates],
    values: Values | None = None,
) -> Iterator[Updates]:
    """Give a run's updates as they come, and show them to the room that its visitor leads.

    Args:
        page: The page.
        engine: Knows what a panel's settings leave to the model.
        visitor: Whose run it is.
        running: The run.
        values: What it was asked with; None where it goes on from an earlier one.
    """
    asked = None if values is None else page.read(values)
    numbers = {} if values is None else _numbers(page, values)
    goes_on = values is not None and values.get(page.follow)
    first = first_request(values.get(page.inspector.answers)) if values and goes_on else ""
    baseline = page.cards[0].view
    with closing(cast("Generator[Updates]", running)):
        for updates in running:
            ended = updates.get(page.answered)
            if isinstance(ended, EndedRun):
                first = first_request(ended)
                show(page, engine, visitor, {}, ended.asked, numbers, first=first)
                _try(page, engine, visitor, ended)
            else:
                # A run that is refused at once changes no card, and the room stays where it is.
                shown = str(updates.get(baseline, ""))
                begins = any(f'data-state="{state}"' in shown for state in ("waiting", "recorded"))
                show(
                    page, engine, visitor, updates, asked if begins else None, numbers, first=first
                )
            yield updates


def show(  # noqa: PLR0913 - what a room sees, and all that it belongs to
    page: Page,
    engine: Engine,
    visitor: str,
    updates: Updates,
    asked: Asked | None = None,
    numbers: Mapping[str, object] | None = None,
    *,
    first: str = "",
) -> None:
    """Show the room that a visitor leads what is shown on their page; of others nothing.

    Args:
        page: The page.
        engine: Knows what a panel's settings leave to the model.
        visitor: Whose page it is.
        updates: Of the page's components.
        asked: The request and cards that they belong to, where those are others now.
        numbers: How answers are drawn, by the names of `links.NUMBERS`.
        first: What a conversation began with; empty where the request is not a follow-up.
    """
    parts = {
        f"{name}:{card.slot}": str(updates[component])
        for card in page.cards
        for name, component in (("view", card.view), ("tokens", card.tokens))
        if isinstance(updates.get(component), str)
    }
    if isinstance(updates.get(page.atlas.board), str):
        parts["board"] = updates[page.atlas.board]
    if asked is not None:
        parts |= _said(page, engine, asked, numbers or {}, first or asked.prompt)
    if parts:
        page.room.rooms.show(visitor, parts)


def place(page: Page, engine: Engine) -> Callable[[gr.Request, Values], Any]:
    """Return the handler that places a request on the map, and on the room's maps."""

    def placed(request: gr.Request, values: Values) -> Any:  # noqa: ANN401 - Gradio's skip
        found = run_handlers.place(page, engine, values)
        asked = page.read(values)
        if isinstance(found, str):
            parts = {"board": found, **_forms(page, engine, asked)}
            # While a presenter types the next request, the room is still at the last one.
            talk = values.get(page.inspector.answers) if values.get(page.follow) else None
            last = talk.asked.prompt if isinstance(talk, EndedRun) else asked.prompt
            page.room.rooms.show(request.session_hash or "", parts, of=last)
        return found

    return placed


def place_answers(page: Page, engine: Engine) -> Callable[[gr.Request, EndedRun | None], Any]:
    """Return the handler that places a run with its answers, on the room's maps as well."""

    def placed(request: gr.Request, ended: EndedRun | None) -> Any:  # noqa: ANN401 - Gradio's skip
        found = run_handlers.place_answers(page, engine, ended)
        if isinstance(found, str) and ended is not None:
            parts = {"board": found}
            page.room.rooms.show(request.session_hash or "", parts, of=ended.asked.prompt)
        return found

    return placed


def _said(
    page: Page, engine: Engine, asked: Asked, numbers: Mapping[str, object], first: str
) -> dict[str, str]:
    """Return the request, each card's panel, and the link that sets another page like this one.

    In a conversation that link has what it began with: what comes later means nothing by itself.
    """
    panels = _panels(engine, asked)
    parts = [("request", first), ("system", asked.system)]
    parts += [("own" if slot == "own" else "panel", panel) for slot, panel in panels.items()]
    parts += [(name, str(value)) for name, value in numbers.items()]
    address = "playground&" + urlencode([(name, value) for name, value in parts if value])
    return {"request": asked.prompt, "address": address, **_forms(page, engine, asked)}


def _forms(page: Page, engine: Engine, asked: Asked) -> dict[str, str]:
    forms = {f"form:{slot}": text.form(panel) for slot, panel in _panels(engine, asked).items()}
    return {f"form:{card.slot}": "" for card in page.cards} | forms


def _panels(engine: Engine, asked: Asked) -> dict[str, str]:
    """Return the panels that take part, as text, by slot, but for those that do not fit."""
    found = {}
    for slot, setting in asked.chosen.items():
        try:
            found[slot] = str(setting.panel(engine.outline))
        except SteeringError:
            continue
    return found


def _numbers(page: Page, values: Values) -> dict[str, object]:
    return {
        name: values[field]
        for name, field in zip(links.NUMBERS, page.shared.numbers, strict=True)
        if isinstance(values[field], (int, float))
    }


def _try(page: Page, engine: Engine, visitor: str, ended: EndedRun) -> None:
    """Note a participant's run for the presenter's table."""
    panels = _panels(engine, ended.asked)
    outcomes = {panel: ended.verdicts.get(slot, "") for slot, panel in panels.items()}
    page.room.rooms.add_tried(visitor, ended.asked.prompt, outcomes)
