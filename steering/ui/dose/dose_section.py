"""The section *Dose and response*: its components, its wiring, and what a click on a cell does.

Drawing is the browser's work (assets/dose.js), with the plotly.js that the map uses as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.sweep import sweep_table
from steering.ui import text
from steering.ui.dose import dose_data, dose_text
from steering.ui.map.map_data import settings_of
from steering.ui.map.map_section import served
from steering.ui.playground import card_settings


@dataclass(frozen=True)
class DoseSection:
    """The section's components.

    Attributes:
        board: The figures; its value is what `empty` returns.
        said: What the last click did.
    """

    board: gr.HTML
    said: gr.HTML


def empty(engine: Engine) -> dict[str, Any]:
    """Return the board's value: whose doses there are; the page asks for them once it is seen."""
    there = bool(engine.sweep) and engine.outline is not None
    return {"model": engine.name, "missing": "" if there else dose_text.missing(engine.name)}


def section(engine: Engine) -> DoseSection:
    """Lay out the section; to be called inside a `gr.Blocks`."""

    def doses(_asked: object) -> dict[str, Any] | None:
        rows, directions = engine.sweep, engine.outline
        return dose_data.view(rows, directions) if rows and directions is not None else None

    def table(_asked: object) -> str:
        return sweep_table.as_text(engine.sweep)

    board = gr.HTML(
        empty(engine),
        html_template=(ASSETS / "dose.html").read_text("utf-8"),
        js_on_load=(ASSETS / "dose.js").read_text("utf-8")
        + "\nsteeringDoses({ element, props, server, watch, trigger });",
        apply_default_css=False,
        server_functions=[doses, table],
        files=served(),
        elem_id="doses",
    )
    return DoseSection(board, gr.HTML("", elem_id="dose-said"))


def told(brought: card_settings.Brought, engine: Engine) -> str:
    """Return what a visitor is told after a card was set."""
    settings = ""
    if engine.outline is not None:
        settings = settings_of(parse(brought.form), engine.outline)
    name = text.title(brought.slot, brought.kind)
    if brought.slot == "own":
        name += f" ({text.KINDS[brought.kind].title})"
    return (
        f'<p role="status">{text.mark(brought.slot)}<span>The card <b>{escape(name)}</b> is now '
        f"set to <b>{escape(settings)}</b>.</span>"
        '<a href="#playground">Go to the Playground</a></p>'
    )


def refused(problem: SteeringError) -> str:
    """Return what a visitor is told where no card can be set."""
    return f'<p role="status"><span>{escape(formatting.sentence(str(problem)))}</span></p>'


def wire(made: DoseSection, bring: Callable[[str], Mapping[Any, Any]], outputs: list[Any]) -> None:
    """Connect a click on a cell.

    Args:
        made: The laid out section.
        bring: Returns the updates for a panel's text form.
        outputs: All cards' components, and `made.said`.
    """

    def pick(event: gr.EventData) -> Mapping[Any, Any]:
        return bring(str(event._data.get("panel")))

    made.board.select(
        pick,
        outputs=outputs,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
