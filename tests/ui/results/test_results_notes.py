from html import unescape

import pytest

from steering.ui.results import results_notes
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, SHY, board, changed, plain, rate


@pytest.mark.parametrize(
    "document", [None, {}, {"panels": DOCUMENT["panels"]}, DOCUMENT | {"schema": 1}, {"schema": 2}]
)
def test_without_a_document_of_this_form_the_page_says_how_to_make_one(document):
    shown = board(document, "a model/x", "A Model")
    assert "python -m steering evaluate --model 'a model/x'" in unescape(shown)
    assert "<table" not in shown
    assert ("not been measured" in shown) is (document is None)


def test_where_nothing_is_suppressed_nothing_is_marked_and_the_rule_says_so():
    document = tiny_evaluations.document()
    for panel in document["panels"]:
        if panel["kind"] == "paper":
            panel["harmful"]["difference"]["high"] = 0.01
    assert "★ best" not in board(document)
    assert "none is marked" in board(document)
    assert "none is marked" not in board(DOCUMENT)


def test_a_model_that_hardly_refuses_is_explained_and_others_are_not():
    shown = plain(results_notes.hardly_refuses(SHY, "Shy"))
    assert "Untouched it refuses 5 of 80 harmful prompts (0.06 [0.03, 0.14])" in shown
    assert "actadd:c=2 takes harmless prompts from 0.01 to 0.28 refused" in shown
    assert results_notes.hardly_refuses(DOCUMENT, "Tiny") == ""
    edge = changed("baseline", refusal_rate=rate(0.2))
    assert results_notes.hardly_refuses(edge, "Edge") == ""


def test_an_addition_that_adds_no_refusals_is_no_sight_to_look_at():
    document = tiny_evaluations.of_a_model_that_hardly_refuses()
    for panel in document["panels"]:
        panel["harmless"]["refusal_rate"] = rate(0.1)
    assert "Inducing refusal" not in plain(results_notes.hardly_refuses(document, "Shy"))


def test_answers_that_loop_are_told_beside_the_claims_and_only_where_an_edit_makes_them_loop():
    """Refusals go with the text: seen on SmolLM2, whose flipped answers loop in .70."""
    assert results_notes.looping(DOCUMENT) == ""
    document = tiny_evaluations.document()
    for panel in document["panels"]:
        share = {"baseline": 0.14, "flip:k=2": 0.7, "ablation": 0.2}.get(panel["panel"], 0.9)
        panel["harmful"]["looping_rate"] = rate(share)
    told = plain(results_notes.looping(document))
    assert "Untouched, up to 0.14 of a set's answers come to repeat themselves; under " in told
    assert "flip:k=2 0.70. A low refusal rate" in told
    assert "ablation" not in told
    assert "random" not in told
    shown = board(document)
    assert shown.index("About looping") < shown.index("What the paper claims")
    document["panels"] = document["panels"][1:]  # without a baseline nothing can be said
    assert results_notes.looping(document) == ""
