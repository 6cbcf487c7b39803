"""Opens a link or a saved run: sets the page to what it says, and shows what it holds.

Nothing runs by itself: a link is somebody else's, and a run costs the host.
"""

from typing import Any

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.ui import links, opened_run, replays, room_feed, run_handlers, text
from steering.ui.changes import card_outputs
from steering.ui.layout import Page
from steering.ui.links import Link
from steering.ui.opened_run import Opened
from steering.ui.playground import card_settings, cards, run_saving
from steering.ui.playground.asked import Asked, Setting
from steering.ui.replays import Updates


def wire(page: Page, engine: Engine, quiet: Any) -> None:  # noqa: ANN401
    """Connect links and files that are opened."""

    def open_link(request: gr.Request, address: object) -> Updates:
        return opened(page, engine, address, request.session_hash or "")

    def open_file(event: gr.EventData, request: gr.Request) -> Updates:
        return opened_file(page, engine, event._data, request.session_hash or "")

    linked = page.link.click(
        open_link,
        inputs=page.address,
        outputs=outputs_of(page),
        js="() => { window.steering.calm(); return window.steering.link.read(); }",
        trigger_mode="always_last",  # a second link may be opened before the first one is
        **quiet,
    )
    brought = page.saving.board.submit(
        open_file, outputs=[page.saving.board, *outputs_of(page)], **quiet
    )
    for event in (linked, brought):
        event.then(js="() => window.steering.place()", **quiet)


def outputs_of(page: Page) -> list[Any]:
    """Return what a link may change."""
    found = [page.request, *card_outputs(page), *page.shared.components]
    return list(dict.fromkeys([*found, *run_handlers.outputs_of(page)]))


def opened(page: Page, engine: Engine, address: object, visitor: str = "") -> Updates:
    """Return the updates that set the page to an address, or a sentence that says why not.

    Args:
        page: The laid out components.
        engine: The model that this page runs; a link never changes it, as others use it as well.
        address: All that stands behind the `#`, as a browser sends it.
        visitor: Whose page it is; the room that they lead sees it, too.
    """
    try:
        link = links.read(address if isinstance(address, str) else "")
        if link is None:
            return {page.note: gr.skip()}
        if link.run is not None:
            found = opened_run.opened(page, engine, link.run, "shared")
        else:
            found = _linked(page, engine, link)
    except SteeringError as error:
        said = f"This link cannot be opened: {formatting.sentence(str(error))}"
        return {page.note: text.note(said, "error")}
    return _shown(page, engine, found, visitor)


def _linked(page: Page, engine: Engine, link: Link) -> Opened:
    """Return what a link sets, and what is recorded of it.

    Raises:
        SteeringError: If a card cannot be set as it says.
    """
    brought = link.cards(engine.outline)
    says_cards = link.panels is not None or link.own is not None
    updates: Updates = {page.request: link.request, page.shared.system: link.system}
    updates |= {
        field: link.numbers.get(name, field.value)
        for name, field in zip(links.NUMBERS, page.shared.numbers, strict=True)
    }
    settings = {}
    for card in page.cards:
        there = brought.get(card.slot)
        if there is not None:
            updates |= cards.bring(card, there, engine.outline)
            settings[card.slot] = Setting(card.slot, True, there.kind, there.values)
            continue
        updates |= cards.restart(card, engine.outline)
        is_on = card_settings.starts_on(card.slot, engine.outline)
        if card.on is not None and says_cards:
            is_on = False
            updates[card.on] = gr.update(value=False)
        values = card_settings.start(card_settings.SLOTS[card.slot], engine.outline)
        settings[card.slot] = Setting(card.slot, is_on, card_settings.kind_of(card.slot), values)
    asked = Asked(link.request, settings, link.system)
    updates |= replays.replay(page, engine, asked)
    if link.model and link.model != engine.name:
        said = f"This link was made with {link.model}; this page runs {engine.name}."
        updates[page.note] = text.note(said)
    return Opened(updates, asked, link.numbers)


def _shown(page: Page, engine: Engine, found: Opened, visitor: str) -> Updates:
    """Show the room that a visitor leads what they have opened, and return the updates."""
    engine.abandon(visitor)  # a run that is under way would write over it
    room_feed.show(page, engine, visitor, found.updates, found.asked, found.numbers)
    forms = {f"form:{slot}": form for slot, form in found.forms.items()}
    page.room.rooms.show(visitor, forms)
    return found.updates


def opened_file(page: Page, engine: Engine, given: object, visitor: str = "") -> Updates:
    """Return the updates that show a saved run, or that say why it cannot be shown.

    Args:
        page: The laid out components.
        engine: The model that this page runs.
        given: The file, as `run_saving.brought` has it.
        visitor: Whose page it is; the room that they lead sees it, too.
    """
    try:
        found = opened_run.opened(page, engine, run_saving.brought(given), "saved")
    except SteeringError as error:
        problem = formatting.sentence(str(error))
        return {page.saving.board: run_saving.answered(given, problem)}
    return _shown(page, engine, found, visitor) | {page.saving.board: run_saving.answered(given)}
