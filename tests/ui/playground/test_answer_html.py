import re
from dataclasses import replace
from typing import get_args

import pytest

from steering.inference.comparison import Answer
from steering.ui import text
from steering.ui.playground import answer_html
from steering.verdicts.judgement import Verdict
from tests.helpers.answers import EVIL, MEASURED, RIGHT_TO_LEFT, plain
from tests.helpers.built_page import text_of


@pytest.mark.parametrize("state", ["writing", "done", "recorded"])
def test_an_answer_is_shown_as_text_and_never_as_html(state):
    answer = Answer(panel=EVIL, text=EVIL, verdict="refused", reason=EVIL)
    shown = answer_html.view(answer, state)
    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_no_field_of_an_answer_can_leave_its_attribute():
    quote = '" onmouseover="alert(1)'
    answer = Answer(panel=quote, text=quote, verdict=quote, reason=quote, looping=True)
    assert 'onmouseover="' not in answer_html.view(answer, "done")
    assert 'onmouseover="' not in text.form(quote)


def test_an_answer_is_shown_with_its_verdict_gauge_and_numbers():
    shown = plain(answer_html.view(MEASURED, "done"))
    for part in (
        "Refused",
        "Why: “i&#39;m sorry”",
        "22 %",
        "score  −1.2",
        "0.50",
        "3.2",
        "6.0",
    ):
        assert part.lower() in shown.lower()


def test_before_the_first_token_the_gauge_shows_no_number():
    shown = answer_html.view(None, "waiting")
    assert "0 %" not in shown
    assert 'aria-valuenow="0"' in shown


def test_all_states_keep_the_same_parts_so_that_nothing_jumps():
    states = ("idle", "waiting", "writing", "done", "recorded", "missing", "off")
    for state in states:
        shown = answer_html.view(
            MEASURED if state in ("writing", "done", "recorded") else None, state
        )
        for part in ('class="chips"', 'class="gauge"', 'class="answer"', 'class="numbers"'):
            assert part in shown, (state, part)


def test_the_caret_goes_when_a_row_has_ended():
    assert "caret" in answer_html.view(Answer(panel="flip", text="I"), "writing")
    assert "caret" not in answer_html.view(Answer(panel="flip", text="I", finished=True), "writing")


def test_a_recorded_answer_says_that_it_is_recorded():
    assert "Recorded" in answer_html.view(MEASURED, "recorded")
    assert "Recorded" not in answer_html.view(MEASURED, "done")


@pytest.mark.parametrize("verdict", ["refused", "answered", "not_judged"])
def test_what_becomes_of_a_text_is_shown_beside_what_it_does(verdict):
    reason = "refuses: “no”; looping: “a” 9.0 times in a row"
    sound = Answer(panel="actadd", text="no a a", verdict=verdict, reason=reason, looping=False)
    looping = replace(sound, looping=True, degenerate_from=3, degenerate_from_token=1)
    noise = replace(sound, gibberish=True)
    word = answer_html.VERDICTS[verdict].word
    for answer, chips in ((sound, ()), (looping, ("Repeats itself",)), (noise, ("No language",))):
        shown = answer_html.view(answer, "done")
        assert word in shown
        assert all(chip in shown for chip in chips)
        assert [chip in shown for chip in ("Repeats itself", "No language")].count(True) == len(
            chips
        )
    assert "from token 2 on" in answer_html.view(looping, "done")
    assert "from token" not in answer_html.view(
        replace(looping, degenerate_from_token=None), "done"
    )
    assert "times in a row" not in answer_html.view(looping, "done")


def test_every_verdict_has_a_word_of_its_own_and_none_says_that_it_complied():
    assert set(answer_html.VERDICTS) == set(get_args(Verdict))
    words = [each.word for each in answer_html.VERDICTS.values()]
    assert len(set(words)) == len(words)
    assert not any(
        "ompl" in f"{each.word} {each.meaning}" for each in answer_html.VERDICTS.values()
    )


def test_spaces_and_line_ends_of_tokens_can_be_seen():
    assert "␣Sure⏎" in answer_html.first_tokens(MEASURED.first_tokens)


@pytest.mark.parametrize("words", [*RIGHT_TO_LEFT, "I'm sorry."])
def test_what_was_written_has_its_own_direction_and_is_not_translated(words):
    for shown in (
        answer_html.view(Answer(panel="flip", text=words), "done"),
        answer_html.view(Answer(panel="flip", text=words), "writing"),
        answer_html.first_tokens([(words, 0.5)]),
    ):
        (tag,) = re.findall(r'<(?:div|code) class="written"[^>]*>', shown)
        assert 'dir="auto"' in tag
        assert 'translate="no"' in tag
    form = text.form("flip:k=3")
    assert '<code translate="no">flip:k=3</code>' in form
    # What the page itself says stays open to a translator.
    assert form.count("translate") == 1
    assert "translate" not in text.head("flip", "flip") + text.note("Done")


@pytest.mark.parametrize("words", RIGHT_TO_LEFT)
def test_a_quotation_from_right_to_left_is_set_apart_in_its_sentence(words):
    assert text.isolated(f"refuses: “{words}” here") == f"refuses: “\u2068{words}\u2069” here"
    shown = answer_html.view(
        Answer(panel="flip", verdict="refused", reason=f"refuses: “{words}”"), "done"
    )
    assert "“\u2068" in shown


def test_the_caret_stands_where_the_text_goes_on():
    shown = answer_html.view(Answer(panel="flip", text="Sure"), "writing")
    assert re.search(r'Sure<span class="caret" aria-hidden="true"></span></div>', shown)


def test_thinking_is_a_fold_that_is_open_until_the_answer_begins():
    thinking = Answer(panel="baseline", thinking="<b>Hm.</b>")
    assert '<details class="thinking" open>' in answer_html.view(thinking, "writing")
    assert "&lt;b&gt;Hm." in answer_html.view(thinking, "writing")
    begun = Answer(panel="baseline", thinking="Hm.", text="Yes")
    for state in ("writing", "done"):
        assert '<details class="thinking">' in answer_html.view(begun, state)
    assert "<details" not in answer_html.view(Answer(panel="baseline", text="Yes"), "done")


def test_an_answer_that_is_not_finished_has_a_word_of_its_own():
    answer = Answer(panel="baseline", verdict="not_finished", reason="not finished: cut inside")
    shown = text_of(answer_html.view(answer, "done"))
    assert "Not finished" in shown
    assert "cut inside" in shown


def test_an_answer_that_went_on_says_so_and_counts_only_what_was_written():
    whole = replace(MEASURED, tokens=12, seconds=2.0)
    begun = replace(whole, begun=4, refusal_score=None, p_refusal=None)
    assert "Continued" not in answer_html.view(whole, "done")
    view = answer_html.view(begun, "done")
    assert "Continued" in view
    assert "Its first 4 tokens were kept" in view
    assert "<dd>4.0</dd>" in view  # eight tokens in two seconds
    assert "<dd>6.0</dd>" in answer_html.view(whole, "done")
    # Whether it opens a refusal was not measured: that is not zero.
    assert "0 %" not in view
    assert "<b>–</b>" in view
