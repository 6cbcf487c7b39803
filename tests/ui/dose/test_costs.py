"""What lies across in the figure of costs."""

import pytest

from steering.data import questions
from steering.interventions.panel import parse
from steering.ui.dose import dose_data
from steering.ui.dose.capability_join import GUESSING, Beside
from steering.ui.dose.costs import COSTS, across, reach, references
from steering.ui.dose.figure_parts import stretch
from tests.helpers.capabilities import document
from tests.helpers.doses import row


@pytest.fixture
def cells(fitted):
    rows = [row(parse("baseline"), fitted, rate=0.9), row(parse("ablation"), fitted, kl=2.0)]
    known = document({"baseline": 0.6, "ablation": 0.4})
    return dose_data.measured_cells(rows, fitted, Beside(known))


def test_guessing_is_what_the_projects_own_questions_make_of_it():
    assert {1 / len(each.choices) for each in questions.questions()} == {GUESSING}


def test_an_axis_holds_what_is_shown_and_the_line_of_guessing(cells):
    low, high = reach(cells, "questions")
    assert low < GUESSING
    assert high > 0.65
    damage = reach(cells, "kl")
    assert damage[0] < 0
    assert damage[1] > stretch(2.0)
    assert reach([], "questions")[0] < GUESSING < reach([], "questions")[1]


def test_lines_stand_at_guessing_and_at_the_untouched_model_and_damage_has_none(cells):
    lines, names = references(cells, "questions")
    assert [line["x0"] for line in lines] == [GUESSING, 0.6]
    assert [name["text"] for name in names] == ["guessing", "untouched"]
    # They never meet: one at the foot, to the right of its line, one at the top, to its left.
    assert [name["yanchor"] for name in names] == ["bottom", "top"]
    assert len(references(cells[1:], "questions")[0]) == 1
    assert references(cells, "kl") == ([], [])


@pytest.mark.parametrize("cost", COSTS)
def test_a_narrow_axis_has_fewer_numbers(cost):
    wide, narrow = (across(cost, (0.2, 0.6), narrow=each) for each in (False, True))
    seen = [sum(map(bool, each["ticktext"])) for each in (wide, narrow)]
    assert seen[1] < seen[0]
