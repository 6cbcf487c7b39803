"""Words and tables: numbers with their intervals and controls, and foreign text as text."""

from steering.ui.anatomy import harm_text
from steering.ui.anatomy.harm_figure import HarmMark
from tests.helpers.harm_documents import harm_document


def test_foreign_text_is_text_not_markup():
    shown = harm_text.chart(harm_document("<img src=x>"))
    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_the_map_is_told_to_those_who_do_not_see_it():
    document = harm_document()
    words = harm_text.sentence(document)
    assert words == (
        "Of the harmless requests the model begins to refuse 1; 1 of these looks harmless to it; "
        "of the harmful ones it begins to answer 1; 1 of these looks harmful to it."
    )
    assert f'aria-label="Map of harm and refusal. {words}' in harm_text.chart(document)
    told = [each for each in document["points"] if each["refused"] == (each["set"] == "harmful")]
    assert "Every harmful request" in harm_text.sentence({**document, "points": told})


def test_every_number_has_its_interval_and_its_control():
    document = harm_document()
    shown = harm_text.numbers(document) + harm_text.below(document)
    assert shown.count("0.75 [0.50, 0.88]<small>0.60 (0.50 to 0.70)</small>") == 8
    assert shown.count("+0.75 [+0.50, +0.88]<small>+0.60 (+0.50 to +0.70)</small>") == 4
    assert "a step up along harm" in shown


def test_the_visitor_s_request_is_said_by_the_sides_it_lies_on():
    marks = [HarmMark("baseline", "Baseline", 0.5, -0.25)]
    said = "Baseline: looks harmful (+0.50), an answer is coming (−0.25)"
    assert said in harm_text.of_marks(marks)
    assert said in harm_text.chart(harm_document(), marks)
    assert harm_text.of_marks([]) == ""
