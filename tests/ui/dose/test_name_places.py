"""Where the names of points stand."""

import math

import pytest

from steering.interventions.panel import Panel
from steering.ui.dose import dose_data, dose_section, name_places
from tests.helpers.doses import row


class Engine:
    def __init__(self, sweep, outline):
        self.sweep, self.outline = sweep, outline


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("size", [(320, 380), (700, 400), (1000, 520)])
@pytest.mark.parametrize("unit", ["rate", "score"])
def test_names_cover_neither_each_other_nor_a_named_point(size, unit, fitted):
    forms = [Panel("flip"), Panel("nullspace"), Panel("ablation"), Panel("actadd", c=-1.0)]
    made = [row(Panel("baseline"), fitted, label="baseline", rate=0.9, kl=0.0)]
    made += [
        row(panel, fitted, label=panel.name, rate=0.1 + 0.01 * i, kl=0.05 + 0.002 * i)
        for i, panel in enumerate(forms)
    ]
    cells = dose_data.measured_cells(made, fitted)
    points = dose_data.frontier(made, cells)
    found = name_places.names(cells, points, unit, size)
    assert len(found) == len(made)
    board = name_places._Board(cells, unit, size)
    boxes = [
        board.name_box(point["cell"], each["text"], (each["ax"], each["ay"]))
        for point, each in zip(points, found, strict=True)
    ]
    marks = [box for point in points for box in board.boxes(point)]
    for i, box in enumerate(boxes):
        assert board.holds(box)
        assert not any(overlap(box, other) for other in (*marks, *boxes[i + 1 :]))


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        {"unit": "rate", "width": "wide", "height": 400},
        {"unit": "rate", "width": math.nan, "height": 400},
        {"unit": "rate", "width": 1e9, "height": 400},
        {"unit": "panel", "width": 800, "height": 400},
    ],
)
def test_a_question_that_is_none_gets_no_names(asked, rows, fitted):
    kept = dose_section.DoseCells()
    engine = Engine(tuple(rows), fitted)
    assert dose_section.named(engine, kept, asked) == []
    assert dose_section.named(engine, kept, {"unit": "rate", "width": 800, "height": 400})
