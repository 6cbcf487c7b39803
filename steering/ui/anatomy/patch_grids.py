"""Heat maps of patching, as tables whose cells have a colour: layer by token.

The numbers stand in the cells, so that the map is its own table for those who do not see colours.
Which grid is shown is said by radio buttons alone (assets/anatomy.css). Colours are those of shares
in *Dose and response*: from the ground to the colour of refusing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from steering.formatting import between, plain, visible
from steering.ui.templates import template

PART_NAMES: Final[Mapping[str, str]] = {
    "whole": "Whole state",
    "inside": "Inside U",
    "outside": "Outside U",
    "random": "Random directions",
    "other": "Another harmless request",
}
"""What is put in, as the switches call it."""
TOWARDS_NAMES: Final[Mapping[str, str]] = {
    "refusal": "Towards refusal",
    "answer": "Towards an answer",
}
_GRIDS = template(
    '<div class="patched" data-name="{{ name }}">'
    "{% for label, kind, choices in switches %}"
    '<fieldset class="choice"><legend>{{ label }}</legend>{% for value, words in choices %}'
    '<label><input type="radio" name="{{ name }}-{{ kind }}" value="{{ value }}"'
    "{% if loop.first %} checked{% endif %}><span>{{ words }}</span></label>"
    "{% endfor %}</fieldset>{% endfor %}"
    "{% for grid in grids %}"
    '<div class="grid" data-part="{{ grid.part }}" data-towards="{{ grid.towards }}">'
    '<div class="scroll" tabindex="0" role="region" aria-label="{{ grid.title }}"><table>'
    "<caption>{{ grid.title }}</caption>"
    '<thead><tr><th scope="col">Layer</th>{% for short, tip in columns %}'
    '<th scope="col"><span tabindex="0" data-tip="{{ tip }}">{{ short }}</span></th>{% endfor %}'
    '</tr></thead><tbody>{% for row in grid.rows %}<tr{% if row.starts %} class="starts"'
    '{% endif %}><th scope="row">{{ row.layer }}</th>{% for cell in row.cells %}'
    '<td class="{{ cell.tone }} {{ cell.level }}" style="--share: {{ cell.percent }}%"'
    '{% if cell.tip %} tabindex="0" data-tip="{{ cell.tip }}"{% endif %}>{{ cell.words }}</td>'
    "{% endfor %}</tr>{% endfor %}</tbody></table></div></div>{% endfor %}"
    '<p class="none">Measured towards refusal only.</p>'
    '<p class="key"><span class="ramp" aria-hidden="true"></span>'
    "0: as without the patch. 1: as the request that the states come from. {{ note }}</p></div>"
)


@dataclass(frozen=True)
class ShownGrid:
    """One grid.

    Attributes:
        part: What was put in, a key of `PART_NAMES`.
        towards: A key of `TOWARDS_NAMES`.
        values: Restored share by layer and column.
        low: Lower ends of the intervals; None where there are none.
        high: Upper ends.
    """

    part: str
    towards: str
    values: Sequence[Sequence[float]]
    low: Sequence[Sequence[float]] | None = None
    high: Sequence[Sequence[float]] | None = None


def grids(
    name: str,
    shown: Sequence[ShownGrid],
    layers: Sequence[int],
    columns: Sequence[tuple[str, str]],
    *,
    marked: int | None = None,
    note: str = "",
) -> Markup:
    """Return the grids with their switches.

    Args:
        name: Of the group of radio buttons; each on a page has another.
        shown: The grids; the first one is seen at first.
        layers: Of the rows.
        columns: Of each column what stands above it, and what is told of it.
        marked: The layer at which INLP edits.
        note: What is said under the grids.
    """
    parts = list(dict.fromkeys(each.part for each in shown))
    ways = list(dict.fromkeys(each.towards for each in shown))
    switches = [("What is put in", "part", [(each, PART_NAMES[each]) for each in parts])]
    if len(ways) > 1:
        # The second direction has no controls.
        switches.append(("Direction", "towards", [(each, TOWARDS_NAMES[each]) for each in ways]))
    return _GRIDS(
        name=name,
        switches=switches,
        columns=columns,
        note=note,
        grids=[
            {
                "part": each.part,
                "towards": each.towards,
                "title": f"{PART_NAMES[each.part]}, {TOWARDS_NAMES[each.towards].lower()}",
                "rows": [
                    {
                        "layer": layer,
                        "starts": layer == marked,
                        "cells": [
                            _cell(each, row, column, (layer, columns[column][1]))
                            for column in range(len(columns))
                        ],
                    }
                    for row, layer in enumerate(layers)
                ],
            }
            for each in shown
        ],
    )


def column_names(columns: Sequence[Sequence[int]], tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return what stands above each column, and what is told of it.

    Args:
        columns: The tokens of each column, counted from the end.
        tokens: What the template's tokens say; empty where it is the request's own.
    """
    found = []
    for column, token in zip(columns, tokens, strict=True):
        if len(column) > 1:
            found.append(("all", f"all {len(column)} tokens at once"))
        elif token:
            found.append((f"{column[0]}".replace("-", "−"), f"the template's {visible(token)}"))
        else:
            found.append((f"{column[0]}".replace("-", "−"), "a last token of the request"))
    return found


def _cell(grid: ShownGrid, row: int, column: int, place: tuple[int, str]) -> dict[str, str | int]:
    value = grid.values[row][column]
    strength = min(1.0, abs(value)) * (1.0 if value > 0 else 0.6)
    level = "high" if strength > 0.67 else "mid" if strength > 0.45 else "low"
    tip = f"Layer {place[0]}, {place[1]}: {plain(value)}"
    if grid.low is not None and grid.high is not None:
        tip += f" {between(grid.low[row][column], grid.high[row][column])}"
    return {
        "words": plain(value),
        "tone": "back" if value > 0 else "away",
        "level": level,
        "percent": round(100 * strength),
        "tip": tip,
    }
