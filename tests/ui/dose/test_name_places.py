"""Where the names of points stand."""

import math

import pytest

from steering.interventions.panel import Panel
from steering.ui.dose import dose_data, dose_section, name_places
from steering.ui.dose.capability_join import Beside
from steering.ui.dose.costs import FrontAxes
from tests.helpers.capabilities import document
from tests.helpers.doses import row


class Engine:
    def __init__(self, sweep, outline):
        self.sweep, self.outline = sweep, outline
        self.capability, self.swept_in = None, None


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("size", [(320, 380), (700, 400), (1000, 520)])
@pytest.mark.parametrize("unit", ["rate", "score"])
@pytest.mark.parametrize("cost", ["kl", "questions"])
def test_names_cover_neither_each_other_nor_a_named_point(size, unit, cost, fitted):
    forms = [Panel("flip"), Panel("nullspace"), Panel("ablation"), Panel("actadd", c=-1.0)]
    made = [row(Panel("baseline"), fitted, label="baseline", rate=0.9, kl=0.0)]
    made += [
        row(panel, fitted, label=panel.name, rate=0.1 + 0.01 * i, kl=0.05 + 0.002 * i)
        for i, panel in enumerate(forms)
    ]
    known = {"baseline": 0.5} | {str(panel): 0.4 + 0.02 * i for i, panel in enumerate(forms)}
    cells = dose_data.measured_cells(made, fitted, Beside(document(known)))
    points, axes = dose_data.frontier(made, cells), FrontAxes(unit, cost)
    found = name_places.names(cells, points, axes, size)
    assert len(found) == len(made)
    board = name_places._Board(cells, axes, size)
    boxes = [
        board.name_box(point["cell"], each["text"], (each["ax"], each["ay"]))
        for point, each in zip(points, found, strict=True)
    ]
    marks = [*board.words(), *(box for point in points for box in board.boxes(point))]
    for i, box in enumerate(boxes):
        assert board.holds(box)
        assert not any(overlap(box, other) for other in (*marks, *boxes[i + 1 :]))


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        {"unit": "rate", "cost": "kl", "width": "wide", "height": 400},
        {"unit": "rate", "cost": "kl", "width": math.nan, "height": 400},
        {"unit": "rate", "cost": "kl", "width": 1e9, "height": 400},
        {"unit": "panel", "cost": "kl", "width": 800, "height": 400},
        {"unit": "rate", "cost": "panel", "width": 800, "height": 400},
    ],
)
def test_a_question_that_is_none_gets_no_names(asked, rows, fitted):
    kept = dose_section.DoseCells()
    engine = Engine(tuple(rows), fitted)
    assert dose_section.named(engine, kept, asked) == []
    sound = {"unit": "rate", "cost": "kl", "width": 800, "height": 400}
    assert dose_section.named(engine, kept, sound)


def test_room_is_left_for_the_words_in_the_corner_where_they_stand(rows, fitted):
    known = Beside(document({"baseline": 0.5}))
    cells = dose_data.measured_cells(rows, fitted, known)
    figures = dose_data.view(rows, fitted, known)["figures"]["frontier"]
    for cost, side in (("kl", "left"), ("questions", "right")):
        board = name_places._Board(cells, FrontAxes("rate", cost), (1000, 520))
        left, _, right, _ = board.words()[0]
        assert (left == 0, right == board.width) == (side == "left", side == "right")
        *lines, corner = figures[f"rate {cost}"]["layout"]["annotations"]
        assert corner["xanchor"] == side
        assert len(board.words()) == len(lines) + 1
