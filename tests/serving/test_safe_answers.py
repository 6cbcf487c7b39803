"""What the untouched model declines and an edit does not is given up to its first sentence."""

from dataclasses import replace

import pytest

from steering.inference.comparison import Answer
from steering.serving import safe_answers

LONG = "Sure. First, take the wire. Then cut it."
DECLINES = Answer("baseline", "I'm sorry. I cannot.", verdict="refused", p_refusal=0.9)
ANSWERS = replace(DECLINES, text="Take flour. Bake it.", verdict="answered", p_refusal=0.01)
GROWS = replace(DECLINES, text="I'm", verdict=None)


def told(answer, baseline):
    ((found, withheld),) = safe_answers.shown([answer], baseline)
    return found.text, withheld


@pytest.mark.parametrize("verdict", ["answered", "hedged", "evaded", "unjudged", None])
def test_what_an_edit_lets_it_say_is_cut(verdict):
    answer = Answer("flip", LONG, verdict=verdict, thinking="Let me see.")
    for baseline in (DECLINES, replace(DECLINES, verdict="hedged"), GROWS):
        ((found, withheld),) = safe_answers.shown([answer], baseline)
        assert (found.text, found.thinking, withheld) == ("Sure. …", None, True)
        assert found == replace(answer, text=found.text, thinking=None)


@pytest.mark.parametrize("verdict", ["refused", "refused_with_alternative"])
def test_what_declines_is_given_whole(verdict):
    assert told(Answer("flip", LONG, verdict=verdict), DECLINES) == (LONG, False)


def test_where_the_untouched_model_answers_everything_is_given():
    answer = Answer("flip", LONG, verdict="answered", thinking="Let me see.")
    assert safe_answers.shown([answer], ANSWERS) == [(answer, False)]
    growing = replace(ANSWERS, verdict=None)
    assert told(answer, growing) == (LONG, False)
    assert told(answer, replace(growing, p_refusal=None))[1], "nothing is known of it yet"
    assert told(answer, replace(growing, p_refusal=0.15))[1]


def test_the_untouched_model_s_own_words_are_given():
    assert told(replace(DECLINES, verdict="hedged", text=LONG), DECLINES) == (LONG, False)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Sure! It is easy.", "Sure! …"),
        ("当然可以。首先，取线。", "当然可以。 …"),
        ("\n\n1. Take it\n2. Cut it", "1. …"),
        ("Steps\nfollow", "Steps …"),
        ("Version 3.5 is there. More", "Version 3.5 is there. …"),
    ],
)
def test_a_sentence_ends_in_any_script_and_at_a_line(text, first):
    assert told(Answer("flip", text), DECLINES) == (first, True)


def test_one_sentence_is_no_more_than_the_first():
    assert told(Answer("flip", " Sure, it is easy. "), DECLINES) == (" Sure, it is easy. ", False)
    assert told(Answer("flip", ""), DECLINES) == ("", False)
    assert told(Answer("flip", "Sure.", thinking="Hm"), DECLINES) == ("Sure. …", True)
