"""The curves along one dial: refusal above, damage below, with what they are compared with."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from steering.ui.dose.figure_parts import (
    HOVER,
    SYMBOLS,
    Drawing,
    FigureLayout,
    FigureTrace,
    Spot,
    axis,
    kl_axis,
    kl_ticks,
    share_axis,
    stretch,
)

Cell = Mapping[str, Any]
AXES: Final = {
    "k": "rank k: number of directions edited",
    "c": "coefficient c: − pushes away from refusing, + towards it",
    "alpha": "strength α: 0 nothing, 1 erases, 2 mirrors",
    "layer": "layer at which the edit is made",
}
"""The dials, and what their axes say."""
_TICKS: Final = (0, 0.03, 0.1, 0.3, 1, 3, 10)
_MANY_RANKS: Final = 16
"""Ranks beyond this are drawn on a logarithmic axis (chosen)."""


def drawings(
    cells: Sequence[Cell],
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    frontier: Sequence[Mapping[str, Any]],
    *,
    k: int,
) -> dict[str, Drawing]:
    """Return the figure for each dial, class and unit, such as `k harmful rate`.

    Args:
        cells: Of `dose_data.cell`.
        curves: Of `dose_data.curves`; a dial without lines has no figure.
        frontier: Of `dose_data.frontier`, for the random subspaces.
        k: The rank that cards start with.
    """
    return {
        f"{dial} {group} {unit}": _drawing(
            cells, lines, _references(cells, frontier, dial, k), (dial, group, unit)
        )
        for dial, lines in curves.items()
        if lines
        for group in ("harmful", "harmless")
        for unit in ("rate", "score")
    }


def _references(
    cells: Sequence[Cell], frontier: Sequence[Mapping[str, Any]], dial: str, k: int
) -> list[dict[str, Any]]:
    """Return what a dial's curves are compared with: the untouched model, random subspaces."""
    found: list[dict[str, Any]] = []
    untouched = next((cell for cell in cells if cell["panel"].name == "baseline"), None)
    if untouched:
        values = {name: untouched[name] and untouched[name][0] for name in _MEASURES}
        found.append({"values": values, "dash": "dot", "words": "untouched model"})
    named = [cells[point["cell"]] for point in frontier]
    random = [cell for cell in named if cell["panel"].mirrors_at_random]
    if random and dial != "c":
        words = f"control: random subspaces, k = {k} (mean of {len(random)})"
        means = {name: mean_of(random, name) for name in _MEASURES}
        found.append({"values": means, "dash": "dash", "words": words})
    return found


_MEASURES: Final = ("harmful_rate", "harmless_rate", "harmful_score", "harmless_score", "kl")


def mean_of(cells: Sequence[Cell], name: str) -> float | None:
    """Return the mean of a measure over cells; None if one of them has no value."""
    if any(not cell[name] for cell in cells):
        return None
    return fmean(cell[name][0] for cell in cells)


def _drawing(
    cells: Sequence[Cell],
    lines: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    chosen: tuple[str, str, str],
) -> Drawing:
    dial, group, unit = chosen
    refusal = f"{group}_{unit}"
    traces: list[FigureTrace] = []
    spots: list[Spot] = []
    for name, where, place in ((refusal, "y", float), ("kl", "y2", stretch)):
        for line in lines:
            made, reached = _line(cells, line, (name, where, place))
            spots += [{**spot, "curve": len(traces) + 2} for spot in reached]
            traces += made
    tops = [cells[spot["cell"]][refusal][2] for spot in spots if spot.get("axis") == "y"]
    costs = [stretch(cells[spot["cell"]]["kl"][2]) for spot in spots if spot.get("axis") == "y2"]
    layout = {
        "margin": {"l": 62, "r": 10, "t": 6, "b": 44},
        "shapes": [
            _rule(place(reference["values"][name]), where, reference["dash"])
            for reference in references
            for name, where, place in ((refusal, "y", float), ("kl", "y2", stretch))
            if reference["values"][name] is not None
        ],
        "xaxis": _across(dial, [x for line in lines for x in line["x"]]),
        "yaxis": _up(group, unit, max([0.5, *tops])),
        "yaxis2": _damage(max([stretch(0.1), *costs])),
    }
    return {
        "traces": traces,
        "layout": layout,
        "spots": spots,
        "about": AXES[dial],
        "legend": {
            "lines": [{"slot": line["slot"], "name": line["name"]} for line in lines],
            "rules": [{"dash": each["dash"], "words": each["words"]} for each in references],
        },
    }


def _line(
    cells: Sequence[Cell],
    line: Mapping[str, Any],
    drawn: tuple[str, str, Callable[[float], float]],
) -> tuple[list[FigureTrace], list[Spot]]:
    """Return a line with its band, and its spots; what has no value leaves a gap."""
    name, where, place = drawn
    low, middle, high = (
        [place(cells[index][name][end]) if cells[index][name] else None for index in line["cells"]]
        for end in (1, 0, 2)
    )
    hue = f"--{line['slot']}"
    common = {"type": "scatter", "x": line["x"], "xaxis": "x", "yaxis": where}
    edge = {
        **common,
        "mode": "lines",
        "line": {"width": 0, "color": hue},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    dots = {
        **common,
        "y": middle,
        "mode": "lines+markers",
        "name": line["name"],
        "showlegend": where == "y",
        "line": {"width": 2, "color": hue},
        "marker": {
            "symbol": SYMBOLS[line["slot"]],
            "size": 9,
            "color": hue,
            "line": {"width": 1, "color": "--sheet"},
        },
        "customdata": line["cells"],
        "hovertemplate": HOVER,
    }
    spots: list[Spot] = [
        {"cell": index, "curve": 0, "point": i, "x": line["x"][i], "y": y, "axis": where}
        for i, (index, y) in enumerate(zip(line["cells"], middle, strict=True))
        if y is not None
    ]
    band = {**edge, "y": high, "fill": "tonexty", "fillcolor": f"{hue}/0.14"}
    return [{**edge, "y": low}, band, dots], spots


def _rule(y: float, where: str, dash: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": where,
        "y0": y,
        "y1": y,
        "layer": "below",
        "line": {"width": 1.3, "color": "--soft", "dash": dash},
    }


def _across(dial: str, values: Sequence[float]) -> FigureLayout:
    first, last = min(values), max(values)
    logarithmic = dial == "k" and last > _MANY_RANKS
    reach = 0.03 * (last - first)
    ends = [first - reach, last + reach]
    if logarithmic:
        ends = [math.log10(first) - 0.05, math.log10(last) + 0.05]
    more: dict[str, Any] = {}
    if dial in ("k", "layer"):
        ticks = sorted(set(values))
        more = {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    kind = "log" if logarithmic else "linear"
    return axis(AXES[dial], type=kind, range=ends, anchor="y2", showgrid=False, **more)


def _up(group: str, unit: str, top: float) -> FigureLayout:
    domain = [0.44, 1]
    if unit == "score":
        return axis(f"score, {group}", domain=domain)
    return share_axis(f"{group} refused", domain=domain, range=[-0.04, top * 1.05])


def _damage(most: float) -> FigureLayout:
    # As many numbers as do not run into each other.
    words = ["0", "", "0.1", "", "1", "", "10"]
    if most <= stretch(1):
        words = ["0", "0.03", "0.1", "0.3", "1", "", ""]
    ticks = kl_ticks(words, _TICKS)
    return kl_axis("KL", domain=[0, 0.36], range=[-0.05, most * 1.04], **ticks)
