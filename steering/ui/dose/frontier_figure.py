"""What suppression costs: refusal against damage, a dot a setting, with named points."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steering.ui.dose.capability_join import front, is_drawn_control, is_shown
from steering.ui.dose.costs import COSTS, FrontAxes, across, reach, references
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
    percent,
    share_axis,
)

Cell = Mapping[str, Any]
Point = Mapping[str, Any]
LABEL_MARGIN: Final = {"l": 62, "r": 12, "t": 8, "b": 46}
"""Pixels around the plot."""
_OPEN: Final = ("control", "random")
"""Groups whose marks are hollow."""


def position(cell: Cell, axes: FrontAxes) -> tuple[float, float]:
    """Return where a cell stands on the axes."""
    return COSTS[axes.cost].place(cell[axes.cost][0]), float(cell[f"harmful_{axes.unit}"][0])


def drawings(cells: Sequence[Cell], points: Sequence[Point]) -> dict[str, Drawing]:
    """Return the figure for refusal as a `rate` and as a `score` against each cost.

    Args:
        cells: Of `dose_data.cell`.
        points: Of `dose_data.frontier`.

    Returns:
        By names such as `rate kl`; none for a cost that no cell has.
    """
    return {
        f"{unit} {cost}": _drawing(cells, points, FrontAxes(unit, cost))
        for unit in ("rate", "score")
        for cost in COSTS
        if cost == "kl" or any(is_shown(cell, cost) for cell in cells)
    }


def ranges(cells: Sequence[Cell], axes: FrontAxes) -> tuple[list[float], list[float]]:
    """Return the ends of both axes; below the lowest point there is room for a word."""
    shown = [cell for cell in cells if is_shown(cell, axes.cost)]
    ends = [end for cell in shown for end in cell[f"harmful_{axes.unit}"]]
    low, high = (0.0, 1.0) if axes.unit == "rate" or not ends else (min(ends), max(ends))
    return reach(shown, axes.cost), [low - 0.11 * (high - low), high + 0.04 * (high - low)]


def _drawing(cells: Sequence[Cell], points: Sequence[Point], axes: FrontAxes) -> Drawing:
    unit, cost = axes
    named = [point for point in points if is_shown(cells[point["cell"]], cost)]
    taken = {point["cell"] for point in named}
    dots = [i for i, cell in enumerate(cells) if is_shown(cell, cost) and i not in taken]
    traces = [_dots(cells, dots, axes)]
    spots: list[Spot] = []
    for i, index in enumerate(dots):
        x, y = position(cells[index], axes)
        spots.append({"cell": index, "curve": 0, "point": i, "x": x, "y": y})
    for point in named:
        x, y = position(cells[point["cell"]], axes)
        spots.append({"cell": point["cell"], "curve": len(traces), "point": 0, "x": x, "y": y})
        traces.append(_named(cells[point["cell"]], point, axes))
    ends, up = ranges(cells, axes)
    lines, names = references([cell for cell in cells if is_shown(cell, cost)], cost)
    if COSTS[cost].rises:
        traces.append(_front(cells, axes))
    return {
        "traces": traces,
        "layout": {
            "margin": dict(LABEL_MARGIN),
            "xaxis": across(cost, ends),
            "yaxis": share_axis("harmful requests still refused", range=up)
            if unit == "rate"
            else axis("refusal score, harmful requests", range=up),
            "shapes": lines,
            "annotations": [*names, _better(COSTS[cost].better, at_right=COSTS[cost].rises)],
        },
        "spots": spots,
        "about": COSTS[cost].about,
        "legend": {"head": "refuses" if unit == "rate" else "score", "cost": COSTS[cost].head},
        "narrow": _narrow(axes, ends, names),
    }


def _front(cells: Sequence[Cell], axes: FrontAxes) -> FigureTrace:
    """Return the line through what nothing else surpasses."""
    indices = front(cells, axes.cost, f"harmful_{axes.unit}")
    places = [position(cells[index], axes) for index in indices]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "front",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "hoverinfo": "skip",
        "line": {"width": 1.3, "color": "--ink/0.55", "shape": "vh"},
    }


def _bars(cells: Sequence[Cell], measure: str, place: Any, hue: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the bars of an interval to both sides of its estimate."""
    ends = [[place(each) for each in cell[measure]] for cell in cells]
    return {
        "type": "data",
        "array": [high - value for value, _, high in ends],
        "arrayminus": [value - low for value, low, _ in ends],
        "color": hue,
        "thickness": 1.4,
        "width": 0,
    }


def _dots(cells: Sequence[Cell], dots: Sequence[int], axes: FrontAxes) -> FigureTrace:
    shown = [cells[index] for index in dots]
    places = [position(cell, axes) for cell in shown]
    hues = [f"--{cell['slot'] or 'baseline'}" for cell in shown]
    bars = {}
    if COSTS[axes.cost].rises:  # those that were asked are few
        hue = "--soft/0.35"
        bars = {
            "error_x": _bars(shown, axes.cost, COSTS[axes.cost].place, hue),
            "error_y": _bars(shown, f"harmful_{axes.unit}", float, hue),
        }
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "other settings",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        **bars,
        "marker": {"size": 7, "color": hues, "opacity": 0.34},
        "customdata": list(dots),
        "hovertemplate": HOVER,
    }


def _named(cell: Cell, point: Point, axes: FrontAxes) -> FigureTrace:
    x, y = position(cell, axes)
    slot, group = cell["slot"] or "baseline", point["group"]
    hollow = group in _OPEN
    hue = f"--{slot}"
    # The seeds of a random control are many, and each other's interval.
    visible = {"visible": group != "random"}
    faint = COSTS[axes.cost].rises and is_drawn_control(cell)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": point["name"],
        "x": [x],
        "y": [y],
        "customdata": [point["cell"]],
        "hovertemplate": HOVER,
        "error_x": _bars([cell], axes.cost, COSTS[axes.cost].place, f"{hue}/0.55") | visible,
        "error_y": _bars([cell], f"harmful_{axes.unit}", float, f"{hue}/0.55") | visible,
        "marker": {
            "symbol": SYMBOLS[slot] + ("-open" if hollow else ""),
            "size": 9 if group == "random" else 14,
            "color": hue,
            "opacity": 0.5 if faint else 1,
            "line": {"width": 2 if hollow else 1.4, "color": hue if hollow else "--sheet"},
        },
    }


def _better(words: str, *, at_right: bool) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0.995 if at_right else 0.005,
        "y": 0.005,
        "xanchor": "right" if at_right else "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": words,
        "font": {"size": 12.5, "color": "--ink"},
    }


def _narrow(
    axes: FrontAxes, ends: Sequence[float], names: Sequence[Mapping[str, Any]]
) -> FigureLayout:
    at_right = COSTS[axes.cost].rises
    words = "better ↘" if at_right else "↙ better"
    return {
        "xaxis": across(axes.cost, ends, narrow=True),
        "annotations": [*names, _better(words, at_right=at_right)],
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
        refusal as a `rate` and as a `score`, and each cost; means where it has several cells.
    """
    return [_row(cells, line) for line in listed(points)]


def _row(cells: Sequence[Cell], line: Mapping[str, Any]) -> dict[str, Any]:
    found = [cells[index] for index in line["cells"] if is_shown(cells[index], "kl")]
    several = len(line["cells"]) > 1
    name = f"control: {line['short']}, mean of {len(line['cells'])}" if several else line["name"]
    rate, score = (mean_of(found, key) if found else None for key in _REFUSALS)
    return {
        "cell": line["cells"][0],
        "slot": cells[line["cells"][0]]["slot"] or "baseline",
        "group": line["group"],
        "name": name,
        "rate": "–" if rate is None else percent(rate),
        "score": "–" if score is None else fixed(score, 1),
        **{cost: _cost(found, cost) for cost in COSTS},
    }


_REFUSALS: Final = ("harmful_rate", "harmful_score")


def _cost(cells: Sequence[Cell], cost: str) -> str:
    """Return the mean of a cost over the cells that have it; one seed of a control is asked."""
    known = [cell for cell in cells if cell[cost]]
    mean = mean_of(known, cost) if known else None
    return "–" if mean is None else COSTS[cost].say(mean)
