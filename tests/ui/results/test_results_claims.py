from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, board, plain


def test_a_claim_shows_its_verdict_in_words_and_the_parts_that_decide():
    shown = plain(board(DOCUMENT))
    assert "Undecided at n = 80" in shown
    assert "1 of 4 conditions is open, none fails: Flipping leaves less than 0.10 more" in shown
    assert "All 6 conditions hold: α = 1, harmful: .25 < t < .75 +0.53 [+0.49, +0.57]" in shown
    assert "1 of 6 conditions is not met: More answers loop −0.01 [−0.04, +0.00]" in shown
    # All parts are one click away, with their verdicts, where some did not decide.
    assert board(DOCUMENT).count("<summary>All") == 2
    assert "not measured" in shown


def test_a_part_that_was_not_measured_leaves_n_out_of_the_verdict():
    document = tiny_evaluations.document()
    document["claims"][0]["parts"][2]["interval"] = None
    assert "at n =" not in plain(board(document))


def test_lines_of_a_claim_have_their_number_and_older_documents_count():
    document = tiny_evaluations.document()
    assert "Claim 2" in plain(board(document))
    for claim, number in zip(document["claims"], ("1a", "1b", "2", "3"), strict=True):
        claim["number"] = number
    shown = plain(board(document))
    assert "Claim 1a" in shown
    assert "Claim 1b" in shown
    assert "Claim 4" not in shown


def test_an_illustration_is_told_among_all_parts_and_decides_nothing():
    document = tiny_evaluations.document()
    parts = document["claims"][2]["parts"]
    told = {"statement": "For illustration: told", "verdict": "not supported"}
    parts.append({**told, "interval": parts[0]["interval"], "illustration": True})
    shown = plain(board(document))
    assert "All 6 conditions hold: α = 1" in shown
    assert "All 7 conditions" in shown
    assert "For illustration: told" in shown
