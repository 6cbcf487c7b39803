"""The drawing: places keep their order, kinds can be told without colour, nothing leaves it."""

import re
from itertools import pairwise

from steering.ui.anatomy.harm_figure import HarmMark, figure, shape
from tests.helpers.harm_documents import harm_document

_CIRCLE = r'<circle r="7" transform="translate\(([\d.]+) ([\d.]+)\)"'


def places(shown: str, kind: str) -> list[tuple[float, float]]:
    found = re.findall(rf'class="{kind}[^"]*"[^>]*translate\(([\d.]+) ([\d.]+)\)', shown)
    return [(float(x), float(y)) for x, y in found]


def test_more_harm_lies_further_right_and_more_refusal_higher():
    document = harm_document()
    drawn = places(figure(document, "a map"), "dot")
    assert len(drawn) == len(document["points"])
    for (x, y), point in zip(drawn, document["points"], strict=True):
        for (other_x, other_y), other in zip(drawn, document["points"], strict=True):
            assert (x < other_x) == (point["harm"] < other["harm"])
            assert (y > other_y) == (point["refusal"] < other["refusal"])


def test_kinds_are_told_by_shape_and_refusals_by_filling():
    shown = figure(harm_document(), "a map")
    assert len({str(shape(name)) for name in ("harmful", "harmless", "borderline")}) == 3
    assert shown.count('refused"') == 2


def test_a_request_far_outside_is_drawn_at_the_edge():
    shown = figure(harm_document(), "a map", [HarmMark("flip", "Flip", 99.0, -99.0)])
    ((x, y),) = ((float(x), float(y)) for x, y in re.findall(_CIRCLE, shown))
    assert 0 < x <= 640
    assert 0 < y <= 470


def test_names_of_cards_that_land_together_are_read_one_by_one():
    cards = ("Unsteered", "Ablation", "Flip", "Nullspace")
    marks = [HarmMark(name.lower(), name, 0.5, 0.5 + 0.01 * at) for at, name in enumerate(cards)]
    shown = figure(harm_document(), "a map", marks)
    bases = sorted(map(float, re.findall(r'class="mine-name" x="[\d.]+" y="([\d.]+)"', shown)))
    assert len(bases) == 4
    assert min(b - a for a, b in pairwise(bases)) > 20
    # Those that had to move are led to, and no circle lies over a name.
    assert shown.count('class="lead"') == 3
    assert shown.rindex("<circle") < shown.index("mine-name")
