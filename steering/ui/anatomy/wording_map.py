"""The English map with every wording on it, as SVG.

The cloud is English training prompts. Of each wording a line goes from the mean of its harmless
requests to that of its harmful ones; its single requests show where it is the one that was picked
(assets/wording.css does that alone).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from markupsafe import Markup

from steering.artifacts.wording_document import EnglishMapEntry, WordingDocument
from steering.ui.anatomy.names_apart import Name, apart, drawn
from steering.ui.templates import template

_WIDTH, _HEIGHT, _MARGIN = 480.0, 400.0, 16.0
_TYPE: Final = 16.0
"""Height of names on a phone, as assets/wording.css sets them; elsewhere they take less room."""
_AIR: Final = 0.04
"""Share of the span that is left free on every side."""
_FIGURE: Final = template(
    '<svg class="worded-map" viewBox="0 0 {{ width }} {{ height }}" role="img" '
    'aria-label="{{ label }}">'
    '<rect class="ground" width="{{ width }}" height="{{ height }}"/>'
    '{% for name, path in cloud.items() %}<path class="cloud {{ name }}" d="{{ path }}"/>'
    "{% endfor %}"
    '{% for w in wordings %}<g class="points" data-wording="{{ w.key }}">'
    '{% for name, path in w.points.items() %}<path class="dots {{ name }}" d="{{ path }}"/>'
    "{% endfor %}</g>{% endfor %}"
    '{% for w in wordings %}<g class="arrow" data-wording="{{ w.key }}">'
    '<path d="M{{ w.from[0] }} {{ w.from[1] }}L{{ w.to[0] }} {{ w.to[1] }}"/>'
    '<circle class="harmless" cx="{{ w.from[0] }}" cy="{{ w.from[1] }}" r="4.5"/>'
    '<circle class="harmful" cx="{{ w.to[0] }}" cy="{{ w.to[1] }}" r="4.5"/></g>{% endfor %}'
    # Names over every line: what is read must not lie under what is looked at.
    '{% for w in wordings %}<g class="name" data-wording="{{ w.key }}">'
    '<text x="{{ w.name.x }}" y="{{ w.base }}" text-anchor="{{ w.name.anchor }}">{{ w.name.words }}'
    "</text></g>{% endfor %}"
    '{% for m in marks %}<g class="mine">{{ m.lead }}'
    '<circle r="7" transform="translate({{ m.x }} {{ m.y }})"/></g>{% endfor %}'
    '{% for m in marks %}<text class="mine-name" x="{{ m.at }}" y="{{ m.base }}" '
    'text-anchor="{{ m.anchor }}">{{ m.name }}</text>{% endfor %}</svg>'
)


@dataclass(frozen=True)
class WordedMark:
    """Where the visitor's request lies in one wording.

    Attributes:
        name: Of the wording.
        along: Place on the English axis: 1 is the mean of harmful training prompts.
        at: Place on the map, [x, y]; empty where there is no map.
    """

    name: str
    along: float
    at: tuple[float, ...] = ()


_Wording = TypedDict(
    "_Wording",
    {
        "key": str,
        "from": tuple[float, float],
        "to": tuple[float, float],
        "name": Name,
        "points": dict[str, str],
    },
)
"""What the template draws of one wording."""


@dataclass(frozen=True)
class _Plane:
    low: tuple[float, float]
    high: tuple[float, float]

    def at(self, place: Sequence[float]) -> tuple[float, float]:
        shares = [
            max(0.0, min(1.0, (value - low) / ((high - low) or 1.0)))
            for value, low, high in zip(place, self.low, self.high, strict=True)
        ]
        return (
            round(_MARGIN + shares[0] * (_WIDTH - 2 * _MARGIN), 1),
            round(_HEIGHT - _MARGIN - shares[1] * (_HEIGHT - 2 * _MARGIN), 1),
        )

    def dots(self, places: Sequence[Sequence[float]]) -> str:
        """Return points as one path: lines of no length, whose round ends are the dots."""
        return "".join(f"M{x} {y}h0" for x, y in map(self.at, places))


def figure(
    document: WordingDocument, chart: EnglishMapEntry, label: str, marks: Sequence[WordedMark] = ()
) -> Markup:
    """Return the map.

    Args:
        document: Whose wordings are drawn.
        chart: Its map.
        label: What those are told who do not see it.
        marks: Of the visitor's request; what lies outside is drawn at the edge.
    """
    points = {row["wording"]: _on_map(row["points"]) for row in document["wordings"]}
    plane = _plane(
        [
            *(place for each in chart["cloud"].values() for place in each),
            *(place for sets in points.values() for each in sets.values() for place in each),
        ]
    )
    wordings = [
        _wording(plane, row["wording"], row["name"], points[row["wording"]])
        for row in document["wordings"]
    ]
    shown = [_mark(plane, mark) for mark in marks if mark.at]
    # The visitor's own come first: their names stay nearest.
    names = [*shown, *(each["name"] for each in wordings)]
    bases = apart(names, _TYPE, _HEIGHT)
    return _FIGURE(
        width=int(_WIDTH),
        height=int(_HEIGHT),
        label=label,
        cloud={name: plane.dots(places) for name, places in chart["cloud"].items()},
        wordings=[
            {**each, "base": base} for each, base in zip(wordings, bases[len(shown) :], strict=True)
        ],
        marks=[drawn(name, base, _TYPE) for name, base in zip(shown, bases, strict=False)],
    )


def _on_map(sets: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, list[Sequence[float]]]:
    return {name: [place[1:3] for place in places] for name, places in sets.items()}


def _plane(places: Sequence[Sequence[float]]) -> _Plane:
    columns = list(zip(*places, strict=True))
    (x0, x1), (y0, y1) = ((min(each), max(each)) for each in columns)
    wide, tall = _AIR * (x1 - x0), _AIR * (y1 - y0)
    return _Plane((x0 - wide, y0 - tall), (x1 + wide, y1 + tall))


def _wording(
    plane: _Plane, key: str, name: str, sets: Mapping[str, Sequence[Sequence[float]]]
) -> _Wording:
    start, end = (plane.at(_mean(sets[each])) for each in ("harmless", "harmful"))
    at_left = end[0] <= start[0]
    # The name stands behind the harmful end, off the line, unless that is at the edge.
    at_left = at_left if 90 < end[0] < _WIDTH - 90 else end[0] > _WIDTH / 2
    return {
        "key": key,
        "name": Name(name, end, 9, at_left),
        "from": start,
        "to": end,
        "points": {each: plane.dots(places) for each, places in sets.items()},
    }


def _mean(places: Sequence[Sequence[float]]) -> list[float]:
    return [sum(each) / len(places) for each in zip(*places, strict=True)]


def _mark(plane: _Plane, mark: WordedMark) -> Name:
    at = plane.at(mark.at)
    return Name(f"yours, {mark.name}", at, 11, at_left=at[0] > _WIDTH / 2)
