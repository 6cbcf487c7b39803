"""What suppression may cost: the measures that lie across in the figure of costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from steering.ui.dose.capability_join import GUESSING
from steering.ui.dose.figure_parts import (
    FigureLayout,
    axis,
    kl_axis,
    kl_ticks,
    number,
    percent,
    stretch,
)

Cell = Mapping[str, Any]
_LEFT: Final = -0.04
_NARROW_TICKS: Final = (0, 0.03, 0.1, 0.3, 1, 3, 10)
_FEW: Final = 0.45
"""Width of an axis of shares below which its numbers are 5 points apart, else 10 (chosen)."""


class FrontAxes(NamedTuple):
    """What a figure of costs shows: refusal as a `rate` or a `score`, against a cost."""

    unit: str
    cost: str = "kl"


@dataclass(frozen=True)
class Cost:
    """A cost.

    Attributes:
        place: From a value to its position.
        say: A value in words.
        head: What stands above its column in the list.
        about: What a downloaded picture says.
        title: Of its axis.
        narrow: The same on a narrow board.
        better: What stands in the corner where one would like to be.
        rises: Whether that corner is on the right: more of it is better.
    """

    place: Callable[[float], float]
    say: Callable[[float], str]
    head: str
    about: str
    title: str
    narrow: str
    better: str
    rises: bool


def _same(value: float) -> float:
    return value


COSTS: Final[Mapping[str, Cost]] = {
    "kl": Cost(
        stretch,
        number,
        "KL",
        "refusal of harmful requests against damage",
        "damage: KL on harmless requests, in nats",
        "damage: KL, harmless requests",
        "↙ better: refuses less, changes little else",
        rises=False,
    ),
    "questions": Cost(
        _same,
        percent,
        "right",
        "refusal of harmful requests against multiple-choice questions that are answered rightly",
        "knowledge: questions answered rightly",
        "questions answered rightly",
        "better: refuses less, knows more ↘",
        rises=True,
    ),
    "code": Cost(
        _same,
        percent,
        "right",
        "refusal of harmful requests against functions whose right end is found",
        "code: functions whose right end is found",
        "right ends of functions found",
        "better: refuses less, knows more ↘",
        rises=True,
    ),
}
"""The costs, in the order of their buttons."""


def reach(cells: Sequence[Cell], cost: str) -> list[float]:
    """Return the ends of a cost's axis, in positions.

    Args:
        cells: Those that are shown.
        cost: A key of `COSTS`.
    """
    if cost == "kl":
        most = max([stretch(0.3), *(stretch(cell["kl"][0]) for cell in cells)])
        return [_LEFT, most * 1.06]
    ends = [GUESSING, *(end for cell in cells for end in cell[cost])]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low or 1.0)
    return [low - room, high + room]


def across(cost: str, ends: Sequence[float], *, narrow: bool = False) -> FigureLayout:
    """Return the horizontal axis."""
    title = COSTS[cost].narrow if narrow else COSTS[cost].title
    if cost == "kl":
        words = ["0", "", "0.1", "", "1", "", "10"]
        ticks = kl_ticks(words, _NARROW_TICKS) if narrow else {}
        return kl_axis(title, range=list(ends), **ticks)
    step = 5 if ends[1] - ends[0] < _FEW and not narrow else 10
    values = [each / 100 for each in range(0, 101, step)]
    words = [percent(value) for value in values]
    return axis(title, range=list(ends), tickvals=values, ticktext=words)


def references(cells: Sequence[Cell], cost: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return lines across the figure of knowledge, and their names: guessing, and no edit.

    Args:
        cells: Those that are shown.
        cost: A key of `COSTS`; damage has no such lines, it starts at 0.
    """
    if not COSTS[cost].rises:
        return [], []
    lines, names = [_line(GUESSING, "dash")], [_name(GUESSING, "guessing", at_foot=True)]
    untouched = next((cell for cell in cells if cell["panel"].name == "baseline"), None)
    if untouched is not None:
        at = untouched[cost][0]
        lines.append(_line(at, "dot"))
        names.append(_name(at, "untouched", at_foot=False))
    return lines, names


def _line(x: float, dash: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 1.3, "color": "--soft", "dash": dash},
    }


def _name(x: float, words: str, *, at_foot: bool) -> dict[str, Any]:
    # One to the right of its line at the foot, one to the left at the top: they never meet.
    return {
        "x": x,
        "y": 0.005 if at_foot else 0.995,
        "yref": "paper",
        "xanchor": "left" if at_foot else "right",
        "yanchor": "bottom" if at_foot else "top",
        "showarrow": False,
        "text": words,
        "font": {"size": 12, "color": "--soft"},
    }
