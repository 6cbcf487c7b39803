"""Parts of the dose figures: plotly's JSON as plain dicts, and how numbers are said on them.

A colour is the name of one of the page's (`--flip`, `--flip/0.14` with an opacity): the browser
puts in what the light or the dark theme has for it. Fonts are the page's own; sizes are in pixels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NotRequired, TypedDict

FigureTrace = dict[str, Any]
FigureLayout = dict[str, Any]

SYMBOLS: Final = {
    "baseline": "circle",
    "actadd": "triangle-up",
    "ablation": "square",
    "nullspace": "diamond",
    "flip": "bowtie",
    "own": "cross",
}
"""Each card's sign, as plotly names it."""
TICKS: Final = (0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
"""Values of KL that its axis names, in nats."""
HOVER: Final = "%{customdata}<extra></extra>"
_KL_ZERO: Final = 0.02
"""KL in nats below which its axis is nearly linear (chosen): a logarithmic axis has no zero."""


class Spot(TypedDict):
    """A cell's position in a figure, which a click or the keyboard reaches.

    `curve` and `point` are plotly's indices, `x` and `y` are on the axes; `axis` is `y2` on the
    second vertical axis.
    """

    cell: int
    curve: int
    point: int | list[int]
    x: float
    y: float
    axis: NotRequired[str]


class Drawing(TypedDict):
    """One figure: plotly's traces and layout, and what the page does with them.

    `legend` is what stands under the figure, `about` what a downloaded picture says of itself, and
    `narrow` replaces parts of the layout on boards of less than `NARROW` pixels.
    """

    traces: list[FigureTrace]
    layout: FigureLayout
    spots: list[Spot]
    about: str
    legend: NotRequired[dict[str, Any]]
    narrow: NotRequired[FigureLayout]


NARROW: Final = 560
"""Width of a board, in pixels, below which named points have numbers instead (chosen)."""


def stretch(kl: float) -> float:
    """Return where a KL in nats stands on its axis, which is logarithmic but has a zero."""
    return math.log10(1 + max(0.0, kl) / _KL_ZERO)


def shrink(position: float) -> float:
    """Return the KL in nats at a position on its axis."""
    return _KL_ZERO * (math.pow(10, position) - 1)


def fixed(value: float, digits: int) -> str:
    """Return a number with so many decimals, halves away from zero, and a real minus sign."""
    step = Decimal(1).scaleb(-digits)
    rounded = Decimal(value).quantize(step, rounding=ROUND_HALF_UP)
    return str(rounded if rounded else abs(rounded)).replace("-", "−")


def percent(share: float) -> str:
    """Return a share as whole percent."""
    return f"{math.floor(100 * share + 0.5)} %"


def number(value: float) -> str:
    """Return a number with about two digits that matter."""
    if value == 0:
        return "0"
    size = abs(value)
    return fixed(value, 3 if size < 0.1 else 2 if size < 10 else 0)


@dataclass(frozen=True)
class Scale:
    """How a measure is drawn and said.

    Attributes:
        place: From a value to its position.
        back: The inverse of `place`.
        say: The value in words, without its unit.
        unit: What follows the value.
        name: The measure, for the scale of a downloaded picture.
        colours: Colours from the lowest to the highest position, evenly spaced.
    """

    place: Callable[[float], float]
    back: Callable[[float], float]
    say: Callable[[float], str]
    unit: str
    name: str
    colours: Sequence[str]

    def ends(self, places: Sequence[float]) -> tuple[float, float]:
        """Return the lowest and the highest position of a scale that holds these."""
        if self.name == "share":
            return 0.0, min(1.0, math.ceil(4 * max([*places, 0.26])) / 4)
        if self.name == "log-odds":
            most = max([*map(abs, places), 0.1])
            return -most, most
        if self.name == "KL":
            return 0.0, max([*places, stretch(0.3)])
        low = min(places, default=0.0)
        return low, max([*places, low + 0.2])


def _same(value: float) -> float:
    return value


SCALES: Final[Mapping[str, Scale]] = {
    "share": Scale(
        _same,
        _same,
        lambda share: percent(share).removesuffix(" %"),
        " %",
        "share",
        ("--ground", "--refused"),
    ),
    "score": Scale(
        _same,
        _same,
        lambda score: fixed(score, 1),
        "",
        "log-odds",
        ("--ground>answered", "--ground", "--refused"),
    ),
    "kl": Scale(stretch, shrink, number, "", "KL", ("--ground", "--broken")),
    "perplexity": Scale(math.log, math.exp, number, "", "perplexity", ("--ground", "--broken")),
}
"""`--ground>answered` is nine tenths of the way: a full one would be louder than its opposite."""


def trimmed(value: Any) -> Any:  # noqa: ANN401
    """Return plotly's JSON with five significant digits, which is more than a screen shows."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: trimmed(each) for key, each in value.items()}
    return [trimmed(each) for each in value] if isinstance(value, list | tuple) else value


def axis(title: str, **more: object) -> FigureLayout:
    """Return an axis with the looks that all have."""
    return {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,
        "gridcolor": "--line/0.7",
        "title": {"text": title, "standoff": 8, "font": {"size": 12.5}},
        **more,
    }


def kl_axis(title: str, **more: object) -> FigureLayout:
    """Return an axis of KL."""
    return axis(title, **(kl_ticks([f"{tick:g}" for tick in TICKS]) | more))


def kl_ticks(words: Sequence[str], values: Sequence[float] = TICKS) -> FigureLayout:
    """Return the ticks of an axis of KL; an empty word leaves the line without a number."""
    return {"tickvals": [stretch(value) for value in values], "ticktext": list(words)}


def share_axis(title: str, **more: object) -> FigureLayout:
    """Return an axis of shares from 0 to 100 %."""
    ticks = (0, 0.25, 0.5, 0.75, 1)
    words = [percent(tick) for tick in ticks]
    given: dict[str, object] = {"range": [-0.04, 1.04], "tickvals": list(ticks), "ticktext": words}
    return axis(title, **(given | more))
