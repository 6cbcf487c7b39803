from dataclasses import replace

from steering.interventions.openers import Opener, OpenerTable
from steering.ui.results.results_fit import fit
from tests.helpers.answers import EVIL


def test_where_nothing_is_known_there_is_no_section(fitted):
    assert fit(None) == ""
    assert fit(fitted) == ""


def test_the_openers_are_a_table_that_says_which_are_read(fitted):
    rows = (Opener(1, "Sorry", 0.612, 0.014, True), Opener(2, "The", 0.2, 0.15, False))
    shown = fit(replace(fitted, openers=OpenerTable(rows, 111, 240)))
    assert "of 111 refusals" in shown
    assert "of 240 answers" in shown
    assert shown.count("<tr>") == 3
    assert "<td>0.61</td><td>0.01</td><td>yes</td>" in shown
    assert "<td>0.20</td><td>0.15</td><td>no</td>" in shown


def test_no_token_becomes_html(fitted):
    shown = fit(replace(fitted, openers=OpenerTable((Opener(1, EVIL, 0.5, 0.1, True),), 9, 9)))
    assert "<img" not in shown
    assert "&lt;img" in shown
