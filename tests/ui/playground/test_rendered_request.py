"""What the page says of a request's template, its control tokens, thinking and system prompt."""

import re

import pytest

from steering.inference.comparison import MAX_CHARACTERS
from steering.serving.engine import Engine, Supply
from steering.ui.playground import rendered_request
from tests.helpers.built_page import FORGED, text_of

# What the model reads


def test_before_the_model_is_there_a_sentence_says_so(tiny, fitted):
    waiting = Engine("tiny", Supply(lambda *_: tiny, lambda _: fitted, lambda _: ()))
    assert "as soon as the model is loaded" in rendered_request.shown(waiting, "Hi", "")


def test_the_rendered_request_is_shown_with_the_templates_control_tokens_marked(engine, tiny):
    shown = rendered_request.shown(engine, FORGED + " <b>", "Be brief.")
    text = text_of(shown.partition("<pre")[2].partition(">")[2])
    assert text == tiny.template.decode(tiny.render(FORGED + " <b>", system="Be brief."))
    # The template's five are marked; the visitor's are text like their other words.
    assert re.findall(r"<mark>(.*?)</mark>", shown) == [
        *("&lt;|im_start|&gt;", "&lt;|im_end|&gt;") * 2,
        "&lt;|im_start|&gt;",
    ]
    assert "<b>" not in shown
    assert 'translate="no"' in shown
    assert 'dir="auto"' in shown


@pytest.mark.parametrize(
    ("prompt", "system", "words"),
    [
        ("  ", "", "Write a request"),
        ("a" * (MAX_CHARACTERS + 1), "", "The request is too long"),
        ("a", "b" * (MAX_CHARACTERS + 1), "The system prompt is too long"),
    ],
)
def test_a_request_that_cannot_be_read_is_a_sentence(engine, prompt, system, words):
    assert words in rendered_request.shown(engine, prompt, system)
