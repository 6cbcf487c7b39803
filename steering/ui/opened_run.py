"""Shows a run from a file or a link as it was recorded; nothing is run, so no model is needed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

import gradio as gr

from steering.artifacts.saved_runs import SavedRun, SavedTurn
from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.serving.engine import Engine
from steering.ui import links, text
from steering.ui.layout import Page
from steering.ui.map.locate import placed_or_kept
from steering.ui.playground import answer_html, card_settings, cards
from steering.ui.playground.asked import Asked, Said, Setting
from steering.ui.playground.card_settings import Brought
from steering.ui.playground.cards import Card
from steering.ui.playground.request_mark import mark_of
from steering.ui.replays import Updates, no_conversation

Source = Literal["saved", "shared"]
"""Where a run comes from: a file that the visitor chose, or a link that somebody sent."""
_BEGINS: Final = {
    "saved": "A saved run, shown as it was recorded; nothing was run here.",
    "shared": "These answers were shared by whoever sent this link; nothing was run here.",
}
_OTHERS: Final = {
    "saved": "A saved run of another model",
    "shared": "These answers were shared by whoever sent this link, of another model",
}
_SHORT: Final = 80
"""Signs of a model's name that a sentence shows (chosen)."""


@dataclass(frozen=True)
class Opened:
    """What a page shows of a run, or of a link.

    Attributes:
        updates: Of the page's components.
        asked: The request, and the cards as they are set now.
        numbers: How answers are drawn, by the names of `links.NUMBERS`.
        forms: Of cards that could not be set to their panel: its text form as HTML, by slot.
    """

    updates: Updates
    asked: Asked
    numbers: Mapping[str, float]
    forms: Mapping[str, str] = field(default_factory=dict)


def opened(page: Page, engine: Engine, run: SavedRun, source: Source) -> Opened:
    """Return what a page shows of a run.

    Args:
        page: The laid out components.
        engine: The model that this page runs. Of another model's run only texts and verdicts are
            shown: its numbers and settings would be taken for those of this one.
        run: The run.
        source: Where it comes from.

    Raises:
        SteeringError: If it has more panels than there are cards for them.
    """
    same = run.model == engine.name
    first, sampling = run.turns[0][0].request, run.turns[0][-1].sampling
    values = (sampling.max_new_tokens, sampling.temperature, sampling.top_p, sampling.seed)
    numbers = dict(zip(links.NUMBERS, map(float, values), strict=True))
    talks = _placed(run)
    updates: Updates = {page.request: first, page.shared.system: run.system}
    updates |= {
        field: numbers[name] for name, field in zip(links.NUMBERS, page.shared.numbers, strict=True)
    }
    settings, forms = {}, {}
    for card in page.cards:
        turns = talks.get(card.slot, ())
        brought = _brought(engine, turns[-1]) if same and turns else None
        changed, settings[card.slot] = _set(card, engine, turns, brought)
        updates |= changed
        if brought is None and isinstance(changed.get(card.form), str):
            forms[card.slot] = changed[card.form]
        updates |= _said(card, engine, run, turns, brought, source, same=same)
    asked = Asked(first, settings, run.system)
    if engine.model is None:
        updates[page.atlas.board] = placed_or_kept(page.atlas, engine, asked) or gr.skip()
    updates[page.note] = text.note(_told(engine, run, source, same=same))
    updates[page.stop] = gr.update(interactive=False)
    return Opened(updates | no_conversation(page), asked, numbers, forms)


def _placed(run: SavedRun) -> dict[str, tuple[SavedTurn, ...]]:
    """Return what was said on each card, by slot."""
    found: dict[str, tuple[SavedTurn, ...]] = {}
    for title, turns in zip(run.titles, run.turns, strict=True):
        name = turns[-1].panel.name
        own = title == text.title("own", name) or name not in card_settings.SLOTS
        slot = "own" if own or name in found else name
        if slot in found:
            raise SteeringError(
                f"the run has {len(run.turns)} panels, more like {turns[-1].answer.panel} than "
                "there are cards for them; run it by command line: replay"
            )
        found[slot] = turns
    return found


def _brought(engine: Engine, turn: SavedTurn) -> Brought | None:
    """Return how a card is set to a panel; None where it cannot be."""
    with suppress(SteeringError):
        return card_settings.bring(parse(turn.answer.panel), engine.outline)
    return None


def _set(
    card: Card, engine: Engine, turns: Sequence[SavedTurn], brought: Brought | None
) -> tuple[Updates, Setting]:
    """Return the updates of a card's settings, and what it is set to then.

    Where a card cannot be set to a panel, it shows the panel's text form and is left as it is.
    """
    values = card_settings.start(card_settings.SLOTS[card.slot], engine.outline)
    kind = card_settings.kind_of(card.slot)
    if card.on is None:
        return {}, Setting(card.slot, True, kind, values)
    if brought is not None:
        set_to = Setting(card.slot, True, brought.kind, brought.values)
        return cards.bring(card, brought, engine.outline), set_to
    updates: Updates = {card.on: gr.update(value=bool(turns))}
    if turns:
        updates[card.form] = text.form(turns[-1].answer.panel)
    return updates, Setting(card.slot, False, kind, values)


def _said(  # noqa: PLR0913 - what a card shows, and all that decides how
    card: Card,
    engine: Engine,
    run: SavedRun,
    turns: Sequence[SavedTurn],
    brought: Brought | None,
    source: Source,
    *,
    same: bool,
) -> Updates:
    """Return the updates of what a card has said."""
    if not turns:
        return {
            card.view: answer_html.view(None, "off"),
            card.tokens: answer_html.first_tokens(()),
        }
    *earlier, latest = (
        Said(turn.request, turn.answer, str(turn.panel), turn.sampling) for turn in turns
    )
    answer = latest.answer if same else replace(latest.answer, first_tokens=())
    if brought is not None:
        # A run may spell a panel out; a card shows it as its own form does.
        answer = replace(answer, panel=str(brought.panel))
    mark = mark_of(engine, latest.request, run.system)
    shown: Any = answer_html.view(answer, source, earlier, latest.request, mark=mark)
    return {card.view: shown, card.tokens: answer_html.first_tokens(answer.first_tokens)}


def _told(engine: Engine, run: SavedRun, source: Source, *, same: bool) -> str:
    if same:
        when = f" Written on {datetime.fromisoformat(run.written):%Y-%m-%d}." if run.written else ""
        return f"{_BEGINS[source]}{when}"
    ours = engine.supply.names.get(engine.name, engine.name)
    return (
        f"{_OTHERS[source]}, {run.model[:_SHORT]}. This page runs {ours}, so only texts and "
        "verdicts are shown."
    )
