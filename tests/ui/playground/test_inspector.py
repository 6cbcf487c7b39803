"""What the popover of tokens is told."""

import json
import math

from steering.inference.answer_tokens import Alternative, AnswerEnd, AnswerToken, AnswerTokens
from steering.ui.playground import inspector

EVIL = "</script><img src=x>"


def test_it_is_told_everything_as_json_in_which_nothing_is_html():
    other = Alternative(3, EVIL, 0.25)
    token = AnswerToken(2, EVIL, EVIL, 0.5, math.inf, (other,))
    found = AnswerTokens("flip", (token,), AnswerEnd(0.1, 2.0, (other,)))
    value = inspector.told(7, found)
    assert "<" not in value
    read = json.loads(value)
    assert (read["asked"], read["panel"]) == (7, "flip")
    assert read["tokens"][0]["text"] == read["tokens"][0]["shown"] == EVIL
    assert read["tokens"][0]["surprise"] is None  # JSON has no infinity
    assert read["tokens"][0]["alternatives"][0]["probability"] == 0.25
    assert read["end"]["surprise"] == 2.0


def test_it_is_told_why_there_is_nothing():
    assert json.loads(inspector.refused(3, "Gone.")) == {"asked": 3, "problem": "Gone."}


def test_the_page_has_one_popover_and_its_script_is_one_expression(made):
    board = made.inspector.board
    assert 'popover="auto"' in board.html_template
    assert board.js_on_load.rstrip().endswith(".start({ element, props, watch, trigger });")
    assert made.inspector.answers.value is None
