"""The section *Dose and response*: its components, its wiring, and what a click on a cell does.

The figures are made here, as plotly's JSON. The browser (assets/dose) draws them with the plotly.js
that the map uses as well, in the colours of its theme, and follows clicks and keys.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from steering import formatting
from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.sweep import sweep_table
from steering.sweep.sweep_table import SweepRow
from steering.ui import scripts, text
from steering.ui.dose import dose_data, dose_text, name_places
from steering.ui.dose.capability_join import Beside
from steering.ui.dose.costs import COSTS, FrontAxes
from steering.ui.dose.figure_parts import trimmed
from steering.ui.map.map_data import settings_of
from steering.ui.map.map_section import served
from steering.ui.playground import card_settings
from steering.ui.templates import template

_SMALLEST, _LARGEST = 100, 10_000
"""Sizes of a board in pixels, between which names are placed (chosen): any screen's."""


_TOLD = template(
    '<p role="status">{{ mark }}<span>The card <b>{{ name }}</b> is now set to '
    '<b>{{ settings }}</b>.</span><a href="#playground">Go to the Playground</a></p>'
)
_REFUSED = template('<p role="status"><span>{{ words }}</span></p>')


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


def beside(engine: Engine) -> Beside:
    """Return what lies beside the doses of the model that is served."""
    return Beside(engine.capability, engine.swept_in)


def section(engine: Engine) -> DoseSection:
    """Lay out the section; to be called inside a `gr.Blocks`."""

    def doses(_asked: object) -> dict[str, Any] | None:
        rows, directions = engine.sweep, engine.outline
        if not rows or directions is None:
            return None
        return dose_data.view(rows, directions, beside(engine))

    kept = DoseCells()

    def names(asked: object) -> list[dict[str, Any]]:
        return named(engine, kept, asked)

    def table(_asked: object) -> str:
        return sweep_table.as_text(engine.sweep)

    board = gr.HTML(
        empty(engine),
        html_template=(ASSETS / "dose.html").read_text("utf-8"),
        js_on_load=scripts.joined("dose/index.js")
        + ".start({ element, props, server, watch, trigger });",
        apply_default_css=False,
        server_functions=[doses, names, table],
        files=served(),
        elem_id="doses",
    )
    return DoseSection(board, gr.HTML("", elem_id="dose-said"))


class DoseCells:
    """The cells of the model that was asked for last: making them takes 0.2 s (measured)."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._made: list[dict[str, Any]] = []

    def of(
        self, rows: Sequence[SweepRow], directions: Facts, beside: Beside
    ) -> list[dict[str, Any]]:
        """Return what `dose_data.measured_cells` does."""
        asked = (rows, directions, beside.document)
        if list(map(id, asked)) != list(map(id, self._of)):
            self._of, self._made = asked, dose_data.measured_cells(rows, directions, beside)
        return self._made


def named(engine: Engine, kept: DoseCells, asked: object) -> list[dict[str, Any]]:
    """Return the names in the figure of costs, for a board of the size that a browser asks for.

    Args:
        engine: Knows the model's doses.
        kept: Where cells are kept between two questions.
        asked: `{"unit": ..., "cost": ..., "width": ..., "height": ...}`, in pixels; of anything
            else there are no names.
    """
    rows, directions = engine.sweep, engine.outline
    if not rows or directions is None or not isinstance(asked, Mapping):
        return []
    width, height = (_pixels(asked.get(key)) for key in ("width", "height"))
    unit, cost = (str(asked.get(key)) for key in ("unit", "cost"))
    if unit not in ("rate", "score") or cost not in COSTS or width is None or height is None:
        return []
    cells = kept.of(rows, directions, beside(engine))
    points = dose_data.frontier(rows, cells)
    placed = name_places.names(cells, points, FrontAxes(unit, cost), (width, height))
    return [trimmed(each) for each in placed]


def _pixels(value: object) -> float | None:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if _SMALLEST <= value <= _LARGEST else None


def told(brought: card_settings.Brought, engine: Engine) -> Markup:
    """Return what a visitor is told after a card was set."""
    settings = ""
    if engine.outline is not None:
        settings = settings_of(brought.panel, engine.outline)
    name = text.title(brought.slot, brought.kind)
    if brought.slot == "own":
        name += f" ({text.KINDS[brought.kind].title})"
    return _TOLD(mark=text.mark(brought.slot), name=name, settings=settings)


def refused(problem: SteeringError) -> Markup:
    """Return what a visitor is told where no card can be set."""
    return _REFUSED(words=formatting.sentence(str(problem)))


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
