"""The heat map of flipping: rank across, strength upwards, a measure as the colour."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from steering.ui.dose.figure_parts import (
    HOVER,
    SCALES,
    Drawing,
    FigureTrace,
    Scale,
    Spot,
    axis,
    number,
)
from steering.ui.templates import template


class ShownMeasure(NamedTuple):
    """A measure that the colour can show: the name of its scale, and what it means."""

    scale: str
    says: str


MEASURES: Final[Mapping[str, ShownMeasure]] = {
    "harmful_rate": ShownMeasure(
        "share", "Share of harmful requests that the model begins to refuse."
    ),
    "harmful_score": ShownMeasure(
        "score",
        "Refusal score of harmful requests: log-odds that the first token opens a refusal; 0 is "
        "even.",
    ),
    "harmless_rate": ShownMeasure(
        "share", "Share of harmless requests that the model begins to refuse: should stay low."
    ),
    "kl": ShownMeasure(
        "kl", "KL: how far the first token moves on harmless requests, in nats; 0 is no change."
    ),
    "perplexity": ShownMeasure(
        "perplexity",
        "Perplexity of the model's own harmless answers under the edit: higher is less fluent.",
    ),
}
_WORDS: Final = {0.0: "untouched", 1.0: "erased", 2.0: "mirrored"}
_STRENGTH = template("{{ word }}  <b>{{ number }}</b>")
"""What strengths do, beside their numbers."""


def drawings(cells: Sequence[Mapping[str, Any]], grid: Mapping[str, Any]) -> dict[str, Drawing]:
    """Return the figure for each measure.

    Args:
        cells: Of `dose_data.cell`.
        grid: Of `dose_data.heat`.
    """
    return {name: _drawing(cells, grid, name) for name in MEASURES}


def _drawing(cells: Sequence[Mapping[str, Any]], grid: Mapping[str, Any], name: str) -> Drawing:
    scale = SCALES[MEASURES[name].scale]
    values = [
        [None if index is None else _estimate(cells[index][name]) for index in row]
        for row in grid["cells"]
    ]
    z = [[None if each is None else scale.place(each) for each in row] for row in values]
    low, high = scale.ends([each for row in z for each in row if each is not None])
    spots: list[Spot] = [
        {"cell": index, "curve": 0, "point": [i, j], "x": j, "y": i}
        for i, row in enumerate(grid["cells"])
        for j, index in enumerate(row)
        if index is not None
    ]
    return {
        "traces": [
            _squares(grid, z, (low, high), scale),
            _numbers(grid, values, (low, high), scale),
        ],
        "layout": {
            "margin": {"l": 84, "r": 6, "t": 4, "b": 44},
            "xaxis": axis("rank k: number of directions edited", type="category", showgrid=False),
            "yaxis": axis(
                "",
                type="category",
                showgrid=False,
                tickvals=[f"{alpha:g}" for alpha in grid["alpha"]],
                ticktext=[_strength(alpha) for alpha in grid["alpha"]],
            ),
        },
        "spots": spots,
        "about": MEASURES[name].says,
        "legend": {
            "low": scale.say(scale.back(low)) + scale.unit,
            "high": scale.say(scale.back(high)) + scale.unit,
            "colours": list(scale.colours),
        },
    }


def _estimate(measured: object) -> float | None:
    """Return a measure's estimate; measures with an interval have it first."""
    first = measured[0] if isinstance(measured, list) else measured
    return float(first) if isinstance(first, (int, float)) else None


def _strength(alpha: float) -> str:
    number = f"{alpha:g}"
    return _STRENGTH(word=_WORDS[alpha], number=number) if alpha in _WORDS else number


def _squares(
    grid: Mapping[str, Any],
    z: Sequence[Sequence[float | None]],
    ends: tuple[float, float],
    scale: Scale,
) -> FigureTrace:
    low, high = ends
    steps = len(scale.colours) - 1
    bar: dict[str, Any] = {
        "title": {"text": scale.name, "font": {"size": 12}},
        "thickness": 12,
        "outlinewidth": 0,
    }
    if scale.name == "share":
        bar["tickformat"] = ".0%"
    elif scale.back is not scale.place:
        ticks = [low, (low + high) / 2, high]
        bar |= {"tickvals": ticks, "ticktext": [number(scale.back(tick)) for tick in ticks]}
    return {
        "type": "heatmap",
        "x": [f"{k}" for k in grid["k"]],
        "y": [f"{alpha:g}" for alpha in grid["alpha"]],
        "z": z,
        "zmin": low,
        "zmax": high,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[i / steps, colour] for i, colour in enumerate(scale.colours)],
        "showscale": False,
        "hoverongaps": False,
        "customdata": grid["cells"],
        "hovertemplate": HOVER,
        "colorbar": bar,
    }


def _numbers(
    grid: Mapping[str, Any],
    values: Sequence[Sequence[float | None]],
    ends: tuple[float, float],
    scale: Scale,
) -> FigureTrace:
    """Return the numbers on the squares.

    A trace of its own: plotly.js would give all numbers of a heat map colours that are hard to
    read. `meta` holds where each one's ground is on the colour scale, from 0 to 1.
    """
    low, high = ends
    written = [
        (f"{k}", f"{alpha:g}", value)
        for alpha, row in zip(grid["alpha"], values, strict=True)
        for k, value in zip(grid["k"], row, strict=True)
        if value is not None
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "hoverinfo": "skip",
        "x": [k for k, _, _ in written],
        "y": [alpha for _, alpha, _ in written],
        "text": [scale.say(value) for _, _, value in written],
        "textfont": {"size": 13},
        "meta": [round((scale.place(value) - low) / (high - low), 3) for _, _, value in written],
    }
