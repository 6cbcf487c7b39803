"""Opens a link: sets the page to what its address says, and shows what is recorded of it."""

from typing import Any

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.ui import links, replays, run_handlers, text
from steering.ui.changes import card_outputs
from steering.ui.layout import Page
from steering.ui.playground import card_settings, cards
from steering.ui.playground.asked import Asked, Setting
from steering.ui.replays import Updates


def outputs_of(page: Page) -> list[Any]:
    """Return what a link may change."""
    found = [page.request, *card_outputs(page), *page.shared.components]
    return list(dict.fromkeys([*found, *run_handlers.outputs_of(page)]))


def opened(page: Page, engine: Engine, address: object) -> Updates:
    """Return the updates that set the page to an address, or a sentence that says why not.

    Nothing runs by itself: a link is somebody else's, and a run costs the host.

    Args:
        page: The laid out components.
        engine: The model that this page runs; a link never changes it, as others use it as well.
        address: All that stands behind the `#`, as a browser sends it.
    """
    try:
        link = links.read(address if isinstance(address, str) else "")
        if link is None:
            return {page.note: gr.skip()}
        brought = link.cards(engine.outline)
    except SteeringError as error:
        said = f"This link cannot be opened: {formatting.sentence(str(error))}"
        return {page.note: text.note(said, "error")}
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
    updates |= replays.replay(page, engine, Asked(link.request, settings, link.system))
    if link.model and link.model != engine.name:
        said = f"This link was made with {link.model}; this page runs {engine.name}."
        updates[page.note] = text.note(said)
    return updates
