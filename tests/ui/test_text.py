import re

import pytest

from steering.inference.comparison import Answer
from steering.interventions.panel import KEYS
from steering.serving.engine import Status
from steering.system.progress import Step
from steering.ui import text
from steering.ui.playground import answer_html, card_settings

EVIL = '<img src=x onerror="alert(1)">'
MEASURED = Answer(
    panel="flip:k=3",
    text="I'm sorry, but I can't.",
    finished=True,
    verdict="refused",
    reason="refuses: “i'm sorry”",
    looping=False,
    refusal_score=-1.25,
    p_refusal=0.223,
    first_tokens=(("I", 0.2), (" Sure\n", 0.1)),
    kl=0.5,
    perplexity=3.21,
    tokens=12,
    seconds=2.0,
)


def plain(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", html)


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


@pytest.mark.parametrize(
    "html",
    [
        text.form("flip", problem=EVIL),
        text.form(EVIL),
        text.note(EVIL, "error", detail=EVIL),
        text.strip(Status("failed", EVIL, EVIL), EVIL, recordings=0),
        answer_html.first_tokens([(EVIL, 0.5)]),
    ],
)
def test_whatever_comes_from_outside_is_escaped(html):
    assert "<img" not in html
    assert "&lt;img" in html


def test_an_answer_is_shown_with_its_verdict_gauge_and_numbers():
    shown = plain(answer_html.view(MEASURED, "done"))
    for part in (
        "Refused",
        "Why: “i&#x27;m sorry”",
        "22 %",
        "score −1.2",
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


def test_looping_is_shown_beside_a_verdict_that_does_not_say_it():
    looping = Answer(panel="actadd", text="a a a", verdict="complied", looping=True)
    broken = Answer(panel="actadd", text="a a a", verdict="broken", looping=True)
    assert "Repeats itself" in answer_html.view(looping, "done")
    assert "Repeats itself" not in answer_html.view(broken, "done")


def test_spaces_and_line_ends_of_tokens_can_be_seen():
    assert "␣Sure⏎" in answer_html.first_tokens(MEASURED.first_tokens)


def test_every_kind_of_panel_introduces_itself():
    assert set(text.KINDS) == set(KEYS)
    assert set(text.SHAPES) == set(card_settings.SLOTS)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("k=9 is out of range", "K=9 is out of range."), ("Done.", "Done."), ("why?", "Why?")],
)
def test_an_errors_words_become_a_sentence(given, shown):
    assert text.sentence(given) == shown


def test_the_strip_shows_how_much_has_been_downloaded():
    status = Status(
        "loading", "m", "Downloading", Step("Downloading", 50_000_000, 200_000_000, "B")
    )
    shown = text.strip(status, "Model", recordings=0)
    assert "50 of 200 MB" in shown
    assert 'aria-valuenow="25"' in shown


@pytest.mark.parametrize(
    "step", [None, Step("Checking", 0, 0, "B")], ids=["no step", "unknown size"]
)
def test_a_step_of_unknown_size_shows_a_bar_without_a_number(step):
    shown = text.strip(Status("loading", "m", "Checking", step), "Model", recordings=0)
    assert "endless" in shown


def test_the_strip_points_to_the_recordings_until_the_model_is_there():
    loading = text.strip(Status("loading", "m", "Reading"), "M", recordings=2)
    ready = text.strip(Status("ready", "m", "bfloat16: fits"), "M", recordings=2)
    none = text.strip(Status("loading", "m", "Reading"), "M", recordings=0)
    assert "recorded answers" in loading
    assert "recorded answers" not in ready
    assert "recorded answers" not in none


def test_a_waiting_visitor_learns_their_position_in_line():
    ready = Status("ready", "m", "")
    assert "number 3 in line: 2 requests are" in text.position_in_line(2, ready)
    assert "number 2 in line: one request is" in text.position_in_line(1, ready)
    assert "as soon as the model" in text.position_in_line(0, Status("loading", "m", ""))


def test_the_outcome_names_every_card():
    assert text.outcome(["Baseline"], [MEASURED]) == "Baseline: refused."


RIGHT_TO_LEFT = ["كيف أصنع الخبز؟", "איך אופים לחם?", "1. «كيف» (bread)"]


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


def test_a_sentence_in_latin_letters_is_left_as_it_is():
    assert text.isolated("refuses: “I'm sorry” and “désolé”") == "refuses: “I'm sorry” and “désolé”"


def test_the_caret_stands_where_the_text_goes_on():
    shown = answer_html.view(Answer(panel="flip", text="Sure"), "writing")
    assert re.search(r'Sure<span class="caret" aria-hidden="true"></span></div>', shown)
