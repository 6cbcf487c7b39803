from dataclasses import replace

from steering.artifacts import folders, store
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


ROW = {"position": -2, "layer": 7, "bypass": -1.5, "induce": 0.25, "kl": 0.0612, "n": 12}


def test_the_front_is_a_table_that_marks_what_was_chosen(fitted):
    rows = [{**ROW, "chosen": True, "leads": True}, {**ROW, "layer": 9, "chosen": False}]
    manifest = {
        "fronts": {"ablation": rows[:1], "nullspace": rows[1:]},
        "validation_kept": {"harmful": 28, "harmless": 45},
        "rounds": {"first": {"harmful": 12}, "second": {"harmful": 16}},
    }
    shown = fit(fitted, manifest)
    assert "<td>Directional ablation</td><td>-2</td><td>7</td><td>−1.50</td>" in shown
    assert "<td>0.061</td><td>chosen</td>" in shown
    assert "<td>Nullspace projection</td><td>-2</td><td>9</td>" in shown
    assert shown.count(">chosen<") == 1
    assert "28 harmful and 45 harmless ones rightly; 40 of each would be enough" in shown
    assert "12 harmful ones, everything else 16 (others)" in shown
    enough = manifest | {"validation_kept": {"harmful": 41, "harmless": 45}}
    assert "would be enough" not in fit(fitted, enough)
    few = manifest | {"rounds": {"first": {"harmful": 12}, "second": {"harmful": 28}}}
    assert "the same: too few are left" in fit(fitted, few)


def test_the_shipped_artifacts_show_the_front_of_their_first_round():
    for name in folders.available():
        shown = fit(store.outline(name), store.manifest(name))
        assert shown.count(">chosen<") >= 1
