"""Where the names of points stand, so that they cover neither each other nor a point."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from steering.ui.dose.capability_join import is_shown
from steering.ui.dose.costs import COSTS, FrontAxes, references
from steering.ui.dose.figure_parts import NARROW
from steering.ui.dose.frontier_figure import LABEL_MARGIN, listed, position, ranges
from steering.ui.templates import template

_WORD = template("{{ word }}")
"""A name as plotly reads it, which takes text for a little HTML."""
Cell = Mapping[str, Any]
Point = Mapping[str, Any]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels from the plot's upper left corner."""

_AIMS: Final = (
    *((1, 0), (0.7, -0.7), (0, -1), (0.7, 0.7), (-1, 0), (-0.7, -0.7), (-0.7, 0.7), (0, 1)),
    *((0.35, -0.94), (-0.35, -0.94), (0.87, -0.5), (-0.87, -0.5)),
)
"""Directions in which a name may stand from its point, to the right and down, best first."""
_FAR: Final = (12, 24, 40, 58, 78, 100, 124, 150, 180, 215, 250)
"""Distances from the point in pixels; names that stand farther than `_LEASH` get a line."""
_LEASH: Final = 30
_LETTER: Final = 6.9
"""Width of a letter in pixels, at the size of names (measured on the longest name)."""
_WORDS: Final = {True: 80, False: 300}
"""Width in pixels that the words in the corner take, on a narrow board and on others."""


def names(
    cells: Sequence[Cell], points: Sequence[Point], axes: FrontAxes, size: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return plotly's annotations that name the points.

    Each stands at the first place where it covers nothing; one without such a place is left out.

    Args:
        cells: Of `dose_data.cell`.
        points: Of `dose_data.frontier`.
        axes: What the figure shows.
        size: Width and height of the whole board, in pixels.
    """
    board = _Board(cells, axes, size)
    lines = listed(points)
    shown = [point for point in points if is_shown(cells[point["cell"]], axes.cost)]
    taken = [*board.words(), *(box for point in shown for box in board.boxes(point))]
    dots = [
        _around(board.pixel(position(cell, axes)), 5) for cell in cells if is_shown(cell, axes.cost)
    ]
    made = []
    for line in listed(shown):
        rank = next(i for i, each in enumerate(lines, 1) if line["cell"] in each["cells"])
        word = str(rank) if board.narrow else line["short"]
        offset = _free(board, line["cell"], word, taken, dots)
        if offset is None:
            continue
        taken.append(board.name_box(line["cell"], word, offset))
        made.append(_annotation(cells[line["cell"]], line, word, (axes, offset)))
    return made


class _Board:
    """The frontier figure at one size: from axes to pixels."""

    def __init__(self, cells: Sequence[Cell], axes: FrontAxes, size: tuple[float, float]) -> None:
        self.cells, self.axes = cells, axes
        self.width = size[0] - LABEL_MARGIN["l"] - LABEL_MARGIN["r"]
        self.height = size[1] - LABEL_MARGIN["t"] - LABEL_MARGIN["b"]
        self.narrow = self.width < NARROW
        self.across, self.up = ranges(cells, axes)

    def pixel(self, place: tuple[float, float]) -> tuple[float, float]:
        (left, right), (bottom, top) = self.across, self.up
        x, y = place
        return (
            (x - left) / (right - left) * self.width,
            (top - y) / ((top - bottom) or 1.0) * self.height,
        )

    def words(self) -> list[Box]:
        """Return what the words in the corner cover, and the names of lines."""
        wide, foot = float(_WORDS[self.narrow]), self.height - 24
        left = self.width - wide if COSTS[self.axes.cost].rises else 0.0
        found = [(left, foot, left + wide, self.height)]
        shown = [cell for cell in self.cells if is_shown(cell, self.axes.cost)]
        for each in references(shown, self.axes.cost)[1]:
            x, _ = self.pixel((each["x"], 0.0))
            wide = _LETTER * len(each["text"]) + 6
            at_foot = each["yanchor"] == "bottom"
            found.append((x, foot, x + wide, self.height) if at_foot else (x - wide, 0.0, x, 20.0))
        return found

    def boxes(self, point: Point) -> list[Box]:
        """Return what a point covers: its mark and its bars."""
        cell = self.cells[point["cell"]]
        x, y = self.pixel(position(cell, self.axes))
        mark = _around((x, y), 11)
        if point["group"] == "random":
            return [mark]
        _, low, high = cell[f"harmful_{self.axes.unit}"]
        place, (_, first, last) = COSTS[self.axes.cost].place, cell[self.axes.cost]
        left, _ = self.pixel((place(first), 0.0))
        right, _ = self.pixel((place(last), 0.0))
        _, above = self.pixel((0.0, high))
        _, below = self.pixel((0.0, low))
        return [mark, (x - 1, above, x + 1, below), (left, y - 1, right, y + 1)]

    def name_box(self, index: int, word: str, offset: tuple[float, float]) -> Box:
        """Return what a name covers; it hangs on its nearer end."""
        x, y = self.pixel(position(self.cells[index], self.axes))
        dx, dy = offset
        wide = _LETTER * len(word) + 6
        left = x + dx if dx > 3 else x + dx - wide if dx < -3 else x - wide / 2
        return left, y + dy - 9, left + wide, y + dy + 9

    def holds(self, box: Box) -> bool:
        left, top, right, bottom = box
        return left > 0 and right < self.width and top > 0 and bottom < self.height


def _around(place: tuple[float, float], reach: float) -> Box:
    x, y = place
    return x - reach, y - reach, x + reach, y + reach


def _free(
    board: _Board, index: int, word: str, taken: Sequence[Box], dots: Sequence[Box]
) -> tuple[float, float] | None:
    """Return the first offset where a name covers nothing, else where it covers dots only."""
    offsets = [(far * right, far * down) for far in _FAR for right, down in _AIMS]
    boxes = [board.name_box(index, word, offset) for offset in offsets]
    inside = np.array([board.holds(box) for box in boxes])
    clear = inside & ~_meets(boxes, taken)
    best = clear & ~_meets(boxes, dots)
    for fits in (best, clear):
        if fits.any():
            return offsets[int(fits.argmax())]
    return None


def _meets(boxes: Sequence[Box], others: Sequence[Box]) -> NDArray[np.bool_]:
    """Tell for each box whether it meets one of the others."""
    one, other = np.array(boxes)[:, None], np.array(others).reshape(-1, 4)[None]
    apart = (
        (one[..., 0] >= other[..., 2])
        | (other[..., 0] >= one[..., 2])
        | (one[..., 1] >= other[..., 3])
        | (other[..., 1] >= one[..., 3])
    )
    met: NDArray[np.bool_] = np.any(~apart, axis=1)
    return met


def _annotation(
    cell: Cell, line: Mapping[str, Any], word: str, placed: tuple[FrontAxes, tuple[float, float]]
) -> dict[str, Any]:
    axes, (dx, dy) = placed
    x, y = position(cell, axes)
    quiet = line["group"] in ("control", "random")
    return {
        "x": x,
        "y": y,
        "ax": dx,
        "ay": dy,
        "xanchor": "left" if dx > 3 else "right" if dx < -3 else "center",
        "yanchor": "middle",
        "text": _WORD(word=word),
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1,
        "borderpad": 0,
        "arrowcolor": "--soft/0.55" if math.hypot(dx, dy) > _LEASH else "--soft/0",
        "standoff": 9,
        "font": {
            "size": 12.5,
            "color": "--soft" if quiet else f"--{cell['slot'] or 'baseline'}",
            "weight": 400 if quiet else 570,
        },
    }
