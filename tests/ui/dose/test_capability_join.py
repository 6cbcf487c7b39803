"""Doses beside what edits cost in knowledge."""

import pytest

from steering.artifacts.capability_document import CapabilityDocument
from steering.interventions.panel import Panel, parse
from steering.ui.dose import dose_data
from steering.ui.dose.capability_join import Beside, front, joined, keeps, sentences
from tests.helpers.capabilities import document
from tests.helpers.doses import row
from tests.helpers.typed_documents import faults

SHARES = {"baseline": 0.5, "ablation": 0.5, "flip:k=1": 0.3, "leace": 0.4}


@pytest.fixture
def rows(fitted):
    """Return doses that refuse .9 untouched, .1 ablated, .2 flipped, and .3 of a control."""
    made = {"baseline": 0.9, "ablation": 0.1, "flip:k=1": 0.2, "flip:basis=random,seed=0": 0.3}
    return [row(parse(form), fitted, rate=rate) for form, rate in made.items()]


def cells_of(rows, fitted, found):
    return dose_data.measured_cells(rows, fitted, Beside(found))


def test_the_made_up_document_has_the_form_of_a_real_one():
    assert faults(document(SHARES), CapabilityDocument) == []


def test_a_short_form_and_one_with_every_default_are_the_same_setting(rows, fitted):
    found = document({"flip:k=1": 0.3, "flip:k=2,alpha=1": 0.1})["panels"]
    panels = [parse(each["panel"]) for each in rows]
    assert [each and each["panel"] for each in joined(panels, found, fitted)] == [
        *(None, None, "flip:k=1", None)
    ]
    # The order in which keys are written is not part of what is done.
    other = document({"flip:alpha=2,k=1": 0.3})["panels"]
    assert joined(panels, other, fitted)[2] is other[0]
    assert joined([Panel("flip", k=1, alpha=1.5)], found, fitted) == [None]


def test_a_form_that_nobody_can_read_joins_nothing(rows, fitted):
    found = document({"warp:x=9": 0.3, "baseline": 0.5})["panels"]
    panels = [parse(each["panel"]) for each in rows]
    assert [each and each["panel"] for each in joined(panels, found, fitted)][:1] == ["baseline"]
    assert not any(joined(panels[1:], found, fitted))


def test_the_front_is_what_nothing_surpasses_and_no_random_control(rows, fitted):
    shares = {"baseline": 0.5, "ablation": 0.4, "flip:k=1": 0.3}
    cells = cells_of(rows, fitted, document({**shares, "flip:basis=random": 0.9}))
    assert cells[3]["questions"][0] == 0.9
    # Ablation refuses less and knows more than flipping; the control would surpass all of them.
    assert front(cells, "questions") == [1, 0]
    better = cells_of(rows, fitted, document({**shares, "flip:k=1": 0.45}))
    assert front(better, "questions") == [1, 2, 0]
    assert front(cells, "code") == []


def test_a_setting_is_cheap_if_it_refuses_less_and_loses_no_question(rows, fitted):
    cells = cells_of(rows, fitted, document(SHARES))
    assert [each["cheap"] for each in cells] == [False, True, False, False]
    assert not any(each["cheap"] for each in dose_data.measured_cells(rows, fitted))
    still = [row(parse("baseline"), fitted, rate=0.15), row(parse("ablation"), fitted, rate=0.1)]
    assert not any(each["cheap"] for each in cells_of(still, fitted, document(SHARES)))
    assert keeps(None) is False


def test_what_is_left_out_is_counted(rows, fitted):
    found = document(SHARES, code={"baseline": 0.25})
    said = sentences(cells_of(rows, fitted, found), Beside(found), fitted)
    assert "gets 50 % [45 %, 55 %] of 200 questions right; guessing gets 25 %." in said["questions"]
    assert "3 of 4 measured settings are here. 1 more were asked" in said["questions"]
    assert "Directional ablation (refuses 10 %, 50 % right)" in said["questions"]
    assert "Faint points" not in said["questions"]
    assert "guessing, so" not in said["questions"]
    assert "1 of 4 measured settings are here." in said["code"]
    assert "It may be guessing" in said["code"]
    drawn = document(SHARES | {"flip:basis=random": 0.5})
    assert (
        "Faint points"
        in sentences(cells_of(rows, fitted, drawn), Beside(drawn), fitted)["questions"]
    )


def test_another_format_is_said_and_the_same_is_not(rows, fitted):
    found = document(SHARES, dtype="float32")
    cells = cells_of(rows, fitted, found)
    for swept_in, said in (("bfloat16", True), ("float32", False), (None, False)):
        words = sentences(cells, Beside(found, swept_in), fitted)["questions"]
        assert ("asked in float32, doses were measured in bfloat16" in words) is said


def test_without_a_document_or_with_another_models_the_command_is_named(rows, fitted):
    command = f"python -m steering capability --model {fitted.model}"
    other = document(SHARES, model="else")
    apart = document({"leace": 0.4})
    for found, words in (
        (None, "has not been measured"),
        (other, "another model, else"),
        (apart, "No setting that was asked"),
    ):
        cells = cells_of(rows, fitted, found)
        assert not any(each["questions"] for each in cells)
        said = sentences(cells, Beside(found), fitted)
        assert list(said) == ["missing"]
        assert words in said["missing"]
        assert command in said["missing"]
    own = document(SHARES, model=fitted.model)
    assert sentences(cells_of(rows, fitted, own), Beside(own), fitted)["missing"] == ""
