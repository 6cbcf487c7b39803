"""The map with both axes, as SVG: harm across, refusal upwards, a mark each test prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from steering.artifacts.harm_document import HarmDocument
from steering.ui.anatomy.names_apart import Name, apart, drawn
from steering.ui.templates import template

_WIDTH, _HEIGHT, _MARGIN = 640.0, 470.0, 26.0
_TYPE: Final = 21.0
"""Height of names on a phone, as assets/anatomy.css sets them; elsewhere they take less room."""
_SMALLEST: Final = 1.6
"""How far both axes reach at least, where the class means lie at -1 and 1."""
_FIGURE: Final = template(
    '<svg class="harm-map" viewBox="0 0 {{ width }} {{ height }}" role="img" '
    'tabindex="0" aria-label="{{ label }} Arrow keys go from request to request.">'
    '<rect class="ground" x="{{ left }}" y="{{ top }}" width="{{ inner }}" height="{{ tall }}"/>'
    '<path class="cross" d="M{{ x0 }} {{ top }}V{{ bottom }}M{{ left }} {{ y0 }}H{{ right }}"/>'
    '{% for q in quadrants %}<text class="quadrant" x="{{ q.x }}" y="{{ q.y }}" '
    'text-anchor="{{ q.anchor }}">{{ q.words }}</text>{% endfor %}'
    '<text class="axis" x="{{ middle }}" y="{{ height - 6 }}" text-anchor="middle">'
    "looks harmful to the model →</text>"
    '<text class="axis" transform="translate(14 {{ half }}) rotate(-90)" text-anchor="middle">'
    "about to refuse →</text>"
    '{% for p in points %}<path class="dot {{ p.set }}{{ " refused" if p.refused }}" '
    'data-looks="{{ p.looks }}" '
    'd="{{ p.shape }}" transform="translate({{ p.x }} {{ p.y }})"><title>{{ p.words }}</title>'
    "</path>{% endfor %}"
    '{% for m in marks %}<g class="mine {{ m.slot }}">{{ m.lead }}'
    '<circle r="7" transform="translate({{ m.x }} {{ m.y }})"/></g>{% endfor %}'
    '{% for m in marks %}<text class="mine-name" x="{{ m.at }}" y="{{ m.base }}" '
    'text-anchor="{{ m.anchor }}">{{ m.name }}</text>{% endfor %}</svg>'
)
_SHAPES: Final[Mapping[str, str]] = {
    "harmful": "M0-4.2A4.2 4.2 0 1 1-.01-4.2Z",
    "harmless": "M-3.7-3.7H3.7V3.7H-3.7Z",
    "borderline": "M0-4.7L4.4 3.4H-4.4Z",
}
HARM_SETS: Final = tuple(_SHAPES)


@dataclass(frozen=True)
class HarmMark:
    """Where the visitor's request lies under one card."""

    slot: str
    name: str
    harm: float
    refusal: float


@dataclass(frozen=True)
class _Scale:
    reach_x: float
    reach_y: float

    def x(self, harm: float) -> float:
        share = max(-1.0, min(1.0, harm / self.reach_x))
        return round((_WIDTH + _MARGIN) / 2 + share * (_WIDTH - _MARGIN - 16) / 2, 1)

    def y(self, refusal: float) -> float:
        share = max(-1.0, min(1.0, refusal / self.reach_y))
        return round((_HEIGHT - _MARGIN) / 2 + 4 - share * (_HEIGHT - _MARGIN - 16) / 2, 1)


def shape(name: str) -> Markup:
    """Return a set's mark as SVG, for the key."""
    return _KEY(set=name, shape=_SHAPES[name])


_KEY: Final = template(
    '<svg viewBox="-6 -6 12 12" aria-hidden="true"><path class="dot {{ set }} refused" '
    'd="{{ shape }}"/></svg>'
)


def figure(document: HarmDocument, label: str, marks: Sequence[HarmMark] = ()) -> Markup:
    """Return the map.

    Args:
        document: Whose test prompts are drawn.
        label: What those are told who do not see it.
        marks: Of the visitor's request; what lies outside is drawn at the edge.
    """
    points = document["points"]
    scale = _Scale(
        max([_SMALLEST, *(abs(point["harm"]) for point in points)]) * 1.05,
        max([_SMALLEST, *(abs(point["refusal"]) for point in points)]) * 1.05,
    )
    left, right = scale.x(-scale.reach_x), scale.x(scale.reach_x)
    top, bottom = scale.y(scale.reach_y), scale.y(-scale.reach_y)
    return _FIGURE(
        width=int(_WIDTH),
        height=int(_HEIGHT),
        label=label,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        inner=round(right - left, 1),
        tall=round(bottom - top, 1),
        x0=scale.x(0),
        y0=scale.y(0),
        middle=scale.x(0),
        half=scale.y(0),
        quadrants=_quadrants(left, right, top, bottom),
        points=[
            {
                "set": point["set"],
                "refused": point["refused"],
                "looks": "harmful" if point["harm"] > 0 else "harmless",
                "shape": _SHAPES.get(point["set"], _SHAPES["borderline"]),
                "x": scale.x(point["harm"]),
                "y": scale.y(point["refusal"]),
                "words": f"{point['set']}, {'refused' if point['refused'] else 'answered'}: "
                f"{point['prompt']}",
            }
            for point in points
        ],
        marks=_marks(marks, scale),
    )


def _marks(marks: Sequence[HarmMark], scale: _Scale) -> list[dict[str, object]]:
    names = [
        Name(mark.name, (scale.x(mark.harm), scale.y(mark.refusal)), 11, at_left=mark.harm > 0)
        for mark in marks
    ]
    return [
        {"slot": mark.slot, **drawn(name, base, _TYPE)}
        for mark, name, base in zip(marks, names, apart(names, _TYPE, _HEIGHT), strict=True)
    ]


def _quadrants(left: float, right: float, top: float, bottom: float) -> list[dict[str, object]]:
    words = {
        (False, True): "looks harmless, refuses",
        (True, True): "looks harmful, refuses",
        (False, False): "looks harmless, answers",
        (True, False): "looks harmful, answers",
    }
    return [
        {
            "x": right - 8 if harmful else left + 8,
            "y": top + 18 if refuses else bottom - 9,
            "anchor": "end" if harmful else "start",
            "words": said,
        }
        for (harmful, refuses), said in words.items()
    ]
