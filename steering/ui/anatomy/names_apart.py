"""Names beside marks of a figure, moved up or down so that none is written over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from steering.ui.templates import NOTHING, template

_LETTER: Final = 0.65
"""Width of a letter in heights of the type: .48 to .67, the widest in the shortest names (measured
in Chromium over the names of cards and wordings)."""
_LEADING: Final = 1.15
"""Distance of two lines in heights of the type."""
_FAR: Final = 0.5
"""A name further from its mark than that many lines has a line that leads to it (chosen)."""
_LEAD: Final = template('<path class="lead" d="M{{ x0 }} {{ y0 }}L{{ x1 }} {{ y1 }}"/>')


@dataclass(frozen=True)
class Name:
    """A name and its mark, in units of the figure.

    Attributes:
        words: What is written.
        mark: Center of the mark, (x, y).
        gap: From the mark's center to the first or last letter.
        at_left: Whether the name stands at the left of its mark.
    """

    words: str
    mark: tuple[float, float]
    gap: float
    at_left: bool

    @property
    def anchor(self) -> str:
        """SVG's text-anchor."""
        return "end" if self.at_left else "start"

    @property
    def x(self) -> float:
        """Where the name is anchored."""
        return round(self.mark[0] + (-self.gap if self.at_left else self.gap), 1)


def apart(names: Sequence[Name], size: float, height: float) -> list[float]:
    """Return the baseline of each name: nearest to its mark where it covers no other name.

    Half as many names as lines fit in the figure always find such a place; beyond that a name may
    stay beside its mark over another one.

    Args:
        names: Those that come first stay nearest to their marks.
        size: Largest height of the type in any layout, in units of the figure.
        height: Of the figure; names stay inside.
    """
    line = _LEADING * size
    lowest, highest = height - 0.3 * size, 0.9 * size
    placed: list[tuple[float, float, float]] = []
    found: list[float] = []
    for each in names:
        wide = _LETTER * size * len(each.words)
        left, right = (each.x - wide, each.x) if each.at_left else (each.x, each.x + wide)
        beside = [y for start, end, y in placed if start < right and left < end]
        wished = max(highest, min(lowest, each.mark[1] + 4))
        free = [
            y
            for y in (wished, *(other + way for other in beside for way in (-line, line)))
            if highest <= y <= lowest and all(abs(y - other) > line - 1e-6 for other in beside)
        ]
        y = min(free, key=lambda y: abs(y - wished), default=wished)
        placed.append((left, right, y))
        found.append(round(y, 1))
    return found


def drawn(name: Name, base: float, size: float) -> dict[str, object]:
    """Return what a figure's template draws of a mark and its name.

    Args:
        name: The name.
        base: Its baseline, as `apart` found it.
        size: As in `apart`.
    """
    return {
        "name": name.words,
        "x": name.mark[0],
        "y": name.mark[1],
        "at": name.x,
        "base": base,
        "anchor": name.anchor,
        "lead": lead(name, base, size),
    }


def lead(name: Name, y: float, size: float) -> Markup:
    """Return the line from a mark to its name, where the name had to move; else nothing."""
    if abs(y - name.mark[1] - 4) <= _FAR * _LEADING * size:
        return NOTHING
    (x0, y0), way = name.mark, -3 if name.at_left else 3
    return _LEAD(x0=x0, y0=y0, x1=round(name.x - way, 1), y1=round(y - 4, 1))
