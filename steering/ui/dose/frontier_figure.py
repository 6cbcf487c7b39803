"""What suppression costs: refusal against damage, a dot a setting, with named points."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steering.ui.dose.curve_figure import mean_of
from steering.ui.dose.figure_parts import (
    HOVER,
    SYMBOLS,
    Drawing,
    FigureLayout,
    FigureTrace,
    Spot,
    axis,
    fixed,
    kl_axis,
    kl_ticks,
    number,
    percent,
    share_axis,
    stretch,
)

Cell = Mapping[str, Any]
Point = Mapping[str, Any]
LABEL_MARGIN: Final = {"l": 62, "r": 12, "t": 8, "b": 46}
"""Pixels around the plot."""
_OPEN: Final = ("control", "random")
"""Groups whose marks are hollow."""
_LEFT: Final = -0.04
_NARROW_TICKS: Final = (0, 0.03, 0.1, 0.3, 1, 3, 10)


def measured(cell: Cell) -> bool:
    """Tell whether a cell has a position in the figure."""
    return bool(cell["kl"] and cell["harmful_rate"] and cell["harmful_score"])


def position(cell: Cell, unit: str) -> tuple[float, float]:
    """Return where a cell stands on the axes."""
    return stretch(cell["kl"][0]), float(cell[f"harmful_{unit}"][0])


def drawings(cells: Sequence[Cell], points: Sequence[Point]) -> dict[str, Drawing]:
    """Return the figure for refusal as a `rate` and as a `score`.

    Args:
        cells: Of `dose_data.cell`.
        points: Of `dose_data.frontier`.
    """
    return {unit: _drawing(cells, points, unit) for unit in ("rate", "score")}


def ranges(cells: Sequence[Cell], unit: str) -> tuple[list[float], list[float]]:
    """Return the ends of both axes; below the lowest point there is room for a word."""
    shown = [cell for cell in cells if measured(cell)]
    most = max([stretch(0.3), *(stretch(cell["kl"][0]) for cell in shown)]) * 1.06
    ends = [end for cell in shown for end in cell[f"harmful_{unit}"]]
    low, high = (0.0, 1.0) if unit == "rate" or not ends else (min(ends), max(ends))
    return [_LEFT, most], [low - 0.11 * (high - low), high + 0.04 * (high - low)]


def _drawing(cells: Sequence[Cell], points: Sequence[Point], unit: str) -> Drawing:
    named = [point for point in points if measured(cells[point["cell"]])]
    taken = {point["cell"] for point in named}
    dots = [i for i, cell in enumerate(cells) if measured(cell) and i not in taken]
    traces = [_dots(cells, dots, unit)]
    spots: list[Spot] = []
    for i, index in enumerate(dots):
        x, y = position(cells[index], unit)
        spots.append({"cell": index, "curve": 0, "point": i, "x": x, "y": y})
    for point in named:
        x, y = position(cells[point["cell"]], unit)
        spots.append({"cell": point["cell"], "curve": len(traces), "point": 0, "x": x, "y": y})
        traces.append(_named(cells[point["cell"]], point, unit))
    across, up = ranges(cells, unit)
    return {
        "traces": traces,
        "layout": {
            "margin": dict(LABEL_MARGIN),
            "xaxis": kl_axis("damage: KL on harmless requests, in nats", range=across),
            "yaxis": share_axis("harmful requests still refused", range=up)
            if unit == "rate"
            else axis("refusal score, harmful requests", range=up),
            "annotations": [_better("↙ better: refuses less, changes little else")],
        },
        "spots": spots,
        "about": "refusal of harmful requests against damage",
        "legend": {"head": "refuses" if unit == "rate" else "score"},
        "narrow": _narrow(across),
    }


def _dots(cells: Sequence[Cell], dots: Sequence[int], unit: str) -> FigureTrace:
    places = [position(cells[index], unit) for index in dots]
    hues = [f"--{cells[index]['slot'] or 'baseline'}" for index in dots]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "other settings",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "marker": {"size": 7, "color": hues, "opacity": 0.34},
        "customdata": list(dots),
        "hovertemplate": HOVER,
    }


def _named(cell: Cell, point: Point, unit: str) -> FigureTrace:
    x, y = position(cell, unit)
    slot, group = cell["slot"] or "baseline", point["group"]
    hollow = group in _OPEN
    hue = f"--{slot}"
    left, right = (stretch(end) for end in cell["kl"][1:])
    low, high = cell[f"harmful_{unit}"][1:]

    def bars(below: float, above: float) -> dict[str, Any]:
        # The seeds of a random control are many, and each other's interval.
        return {
            "type": "data",
            "visible": group != "random",
            "array": [above],
            "arrayminus": [below],
            "color": f"{hue}/0.55",
            "thickness": 1.4,
            "width": 0,
        }

    return {
        "type": "scatter",
        "mode": "markers",
        "name": point["name"],
        "x": [x],
        "y": [y],
        "customdata": [point["cell"]],
        "hovertemplate": HOVER,
        "error_x": bars(x - left, right - x),
        "error_y": bars(y - low, high - y),
        "marker": {
            "symbol": SYMBOLS[slot] + ("-open" if hollow else ""),
            "size": 9 if group == "random" else 14,
            "color": hue,
            "line": {"width": 2 if hollow else 1.4, "color": hue if hollow else "--sheet"},
        },
    }


def _better(words: str) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0.005,
        "y": 0.005,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": words,
        "font": {"size": 12.5, "color": "--ink"},
    }


def _narrow(across: Sequence[float]) -> FigureLayout:
    ticks = kl_ticks(["0", "", "0.1", "", "1", "", "10"], _NARROW_TICKS)
    return {
        "xaxis": kl_axis("damage: KL, harmless requests", range=list(across), **ticks),
        "annotations": [_better("↙ better")],
    }


def listed(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the lines of the list of named points; the seeds of a random control share one.

    Args:
        points: Of `dose_data.frontier`.

    Returns:
        The first point of each line, with all its `cells`.
    """
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for point in points:
        own = point["short"] if point["group"] == "random" else str(point["cell"])
        line = lines.setdefault((point["group"], own), {**point, "cells": []})
        line["cells"].append(point["cell"])
    return list(lines.values())


def rows(cells: Sequence[Cell], points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the list of named points in words.

    Returns:
        For every line its `cell`, its card's `slot`, its `group`, its `name`, what stands for its
        refusal as a `rate` and as a `score`, and its `kl`; means where it has several cells.
    """
    return [_row(cells, line) for line in listed(points)]


def _row(cells: Sequence[Cell], line: Mapping[str, Any]) -> dict[str, Any]:
    found = [cells[index] for index in line["cells"] if measured(cells[index])]
    several = len(line["cells"]) > 1
    name = f"control: {line['short']}, mean of {len(line['cells'])}" if several else line["name"]
    rate, score, kl = (
        mean_of(found, key) if found else None for key in ("harmful_rate", "harmful_score", "kl")
    )
    return {
        "cell": line["cells"][0],
        "slot": cells[line["cells"][0]]["slot"] or "baseline",
        "group": line["group"],
        "name": name,
        "rate": "–" if rate is None else percent(rate),
        "score": "–" if score is None else fixed(score, 1),
        "kl": "–" if kl is None else number(kl),
    }
