"""Dose and response as plain JSON data, made by pure functions from the rows of a sweep.

Three figures show the same cells: a heat map over rank and strength, curves along one dial, and
what suppression costs. A cell is sent once; figures name cells by their index in the list. Which
figure a cell belongs to is read off its panel, so that a visitor's own grids are shown as well.
What a figure looks like is in `heat_figure`, `curve_figure` and `frontier_figure`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from steering.artifacts.capability_document import CapabilityPanel
from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel, parse
from steering.sweep.sweep_table import SweepMeasure, SweepRow, interval_of, shares_of
from steering.ui import text
from steering.ui.dose import (
    capability_join,
    cell_text,
    curve_figure,
    dose_text,
    frontier_figure,
    heat_figure,
)
from steering.ui.dose.capability_join import Beside
from steering.ui.dose.figure_parts import NARROW, trimmed
from steering.ui.map.map_data import settings_of
from steering.ui.playground import card_settings

MEASURES: Final[tuple[SweepMeasure, ...]] = (
    "harmful_rate",
    "harmful_score",
    "harmless_rate",
    "harmless_score",
    "kl",
    "loss",
)
_NOTHING_BESIDE: Final = Beside()
_SHORT: Final = {
    "directional ablation, as in Arditi et al.": "ablation at every layer",
    "directional ablation, as in the authors' code": "ablation at one layer",
    "nullspace projection, as in the authors' code": "nullspace projection",
    "control: reflection along the difference in means": "mirror along one direction",
    "control: flip about the midpoint": "flip about the midpoint",
}
"""Names that fit into a plot."""


def view(
    rows: Sequence[SweepRow], directions: Facts, beside: Beside = _NOTHING_BESIDE
) -> dict[str, Any]:
    """Return what the three figures show.

    Args:
        rows: Of `sweep_table.load`; at least one.
        directions: The model's, to tell the default settings and the cards.
        beside: What lies beside the doses: what edits cost in knowledge.

    Returns:
        `cells`, one a row: its `panel`, the card (`slot`) that can be set to it, the `form` that
        the card then shows, what is `told` of it, and whether it is `cheap`; `figures`, by name and
        choice, see `figure_parts.Drawing`; `rows`, the named points in words; `dials`, those with
        curves; the `sentences` of `dose_text`, and those `known` of `capability_join`; `n`, the
        prompts a class behind every number; and the `narrow` width of a board in pixels.
    """
    cells = measured_cells(rows, directions, beside)
    points, panels = frontier(rows, cells), [each["panel"] for each in cells]
    n, n_answered = int(rows[0]["n"]), dose_text.answered(rows)
    along, grid = curves(panels, directions), heat(panels, directions)
    return {
        "cells": [
            {
                "panel": row["panel"],
                "slot": each["slot"],
                "form": each["form"],
                "told": cell_text.told(each, n=n, n_answered=n_answered),
                "cheap": each["cheap"],
            }
            for row, each in zip(rows, cells, strict=True)
        ],
        "figures": trimmed(
            {
                "heat": heat_figure.drawings(cells, grid) if grid["k"] else {},
                "curves": curve_figure.drawings(cells, along, points, k=directions.default_k),
                "frontier": frontier_figure.drawings(cells, points),
            }
        ),
        "rows": frontier_figure.rows(cells, points),
        "dials": [dial for dial, lines in along.items() if lines],
        "sentences": dose_text.sentences(rows),
        "known": capability_join.sentences(cells, beside, directions),
        "n": n,
        "narrow": NARROW,
    }


def measured_cells(
    rows: Sequence[SweepRow], directions: Facts, beside: Beside = _NOTHING_BESIDE
) -> list[dict[str, Any]]:
    """Return every row as a `cell`, with what is known beside it.

    That is the share of `questions` and of `code` that it gets right, as [estimate, low, high] or
    None; and whether it is `cheap`: whether its interval of refusals lies below the untouched
    model's, and no question is shown to be lost.
    """
    panels = [parse(row["panel"]) for row in rows]
    known = capability_join.joined(panels, beside.rows(directions), directions)
    cells = [cell(row, panel, directions) for row, panel in zip(rows, panels, strict=True)]
    untouched = next((each["harmful_rate"] for each in cells if _is_untouched(each)), None)
    for each, row in zip(cells, known, strict=True):
        each |= {name: _known(row, name) for name in capability_join.KNOWLEDGE}
        rate = each["harmful_rate"]
        refuses_less = bool(untouched and rate and rate[2] < untouched[1])
        each["cheap"] = refuses_less and capability_join.keeps(row)
    return cells


def _is_untouched(cell: Mapping[str, Any]) -> bool:
    return bool(cell["panel"].name == "baseline")


def _known(row: CapabilityPanel | None, name: str) -> list[float] | None:
    rate = capability_join.rate_of(row, name)
    return rate and [_round(each) for each in (rate["estimate"], rate["low"], rate["high"])]


def cell(row: SweepRow, panel: Panel, directions: Facts) -> dict[str, Any]:
    """Return one cell: what it is and what was measured.

    Returns:
        The `panel` itself; `kind` and `settings` in words; the card (`slot`) that can be set to it
        and the text `form` that the card then shows, both None where none can; every measure as
        [estimate, low, high], None where the edit broke the model; `perplexity`; and `answered`,
        the shares of judged answers, None where nothing was answered.
    """
    try:
        brought = card_settings.bring(panel, directions)
    except SteeringError:
        brought = None
    perplexity = row.get("perplexity")
    return {
        "panel": panel,
        "kind": text.KINDS[panel.name].title,
        "settings": settings_of(brought.panel if brought else panel, directions),
        "slot": brought.slot if brought else None,
        "form": str(brought.panel) if brought else None,
        "perplexity": None if perplexity is None else _round(perplexity),
        "answered": shares_of(row) or None,
        **{name: _interval(row, name) for name in MEASURES},
    }


def _interval(row: SweepRow, name: SweepMeasure) -> list[float] | None:
    found = interval_of(row, name)
    return found and [_round(each) for each in (found["estimate"], found["low"], found["high"])]


def _round(value: float) -> float:
    return float(f"{value:.4g}")


# The figures


def heat(panels: Sequence[Panel], directions: Facts) -> dict[str, Any]:
    """Return the heat map of flipping: `k` and `alpha` in rising order, `cells[alpha][k]`."""
    found = _along(panels, Panel("flip"), ("k", "alpha"), directions)
    ranks = sorted({panels[index].k or 0 for index in found})
    alphas = sorted({panels[index].alpha or 0.0 for index in found})
    at = {(panels[index].alpha, panels[index].k): index for index in found}
    return {
        "k": ranks,
        "alpha": alphas,
        "cells": [[at.get((alpha, k)) for k in ranks] for alpha in alphas],
    }


def curves(panels: Sequence[Panel], directions: Facts) -> dict[str, Any]:
    """Return the curves along each dial: `k`, `c`, `alpha` and `layer`.

    Returns:
        For every dial its lines, those of at least two points: the card whose colour it has, its
        name, and `x` with the `cells`, in rising order of x.
    """
    k = directions.default_k
    dials_and_lines = {
        "k": [("flip", "Flipping (α = 2)", Panel("flip")), *_NULLSPACE],
        "c": [("actadd", "Activation addition", Panel("actadd"))],
        "alpha": [
            ("ablation", "Directional ablation", Panel("ablation")),
            ("flip", f"Flipping (k = {k})", Panel("flip")),
        ],
        "layer": [
            ("flip", f"Flipping (k = {k})", Panel("flip")),
            ("ablation", "Ablation at one layer", Panel("ablation", where="source")),
        ],
    }
    return {
        dial: [
            line
            for slot, name, base in lines
            if len((line := _line(panels, dial, (slot, name), base, directions))["x"]) > 1
        ]
        for dial, lines in dials_and_lines.items()
    }


_NULLSPACE: Final = [("nullspace", "Nullspace projection (α = 1)", Panel("nullspace"))]


def _line(
    panels: Sequence[Panel],
    dial: str,
    about: tuple[str, str],
    base: Panel,
    directions: Facts,
) -> dict[str, Any]:
    found = _along(panels, base, (dial,), directions)
    found.sort(key=lambda index: getattr(panels[index], dial))
    return {
        "slot": about[0],
        "name": about[1],
        "x": [getattr(panels[index], dial) for index in found],
        "cells": found,
    }


def _along(
    panels: Sequence[Panel], base: Panel, free: Sequence[str], directions: Facts
) -> list[int]:
    """Return the cells that differ from a panel in the free keys only."""
    wanted = base.resolved(directions)
    fixed = [each.name for each in fields(Panel) if each.name not in ("order", *free)]

    def belongs(panel: Panel) -> bool:
        panel = panel.resolved(directions)  # tables of earlier versions do not name every key
        differing = [key for key in fixed if getattr(panel, key) != getattr(wanted, key)]
        # A layer may have kept fewer directions than the default rank.
        return not differing or (
            differing == ["k"] and "layer" in free and panel.k == _kept(panel, directions)
        )

    return [index for index, panel in enumerate(panels) if belongs(panel)]


def _kept(panel: Panel, directions: Facts) -> int | None:
    """Return how many directions a layer has, where those are fewer than the default rank."""
    rank = directions.inlp_ranks.get(panel.point, directions.default_k)
    return rank if rank < directions.default_k else None


def frontier(rows: Sequence[SweepRow], cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the labelled points: `cell`, `name`, `short` (for the plot) and `group`.

    Groups are `baseline`, `paper`, `random` and `control`, in this order; the random ones of one
    `short` name are the seeds of one control.
    """
    points: list[dict[str, Any]] = [
        {"cell": index, **_named(label, cells[index]["panel"])}
        for index, row in enumerate(rows)
        if (label := row.get("label"))
    ]
    kinds = list(text.KINDS)
    points.sort(
        key=lambda point: (
            _GROUPS.index(point["group"]),
            kinds.index(cells[point["cell"]]["panel"].name),
            cells[point["cell"]]["panel"].c or 0.0,
        )
    )
    return points


_GROUPS: Final = ("baseline", "paper", "random", "control")


def _named(label: str, panel: Panel) -> dict[str, str]:
    group = "control" if label.startswith("control") else "paper"
    short = _SHORT.get(label, label.removeprefix("control: "))
    if panel.name == "baseline":
        group = "baseline"
    elif panel.basis == "random":
        drawn = {"flip": "random subspaces", "actadd": "random directions added"}
        group, short = "random", drawn.get(panel.name, "random directions ablated")
    elif panel.name == "actadd":
        short = f"activation addition, c = {panel.c:g}".replace("-", "−")
    return {"name": label, "short": short, "group": group}
