import pytest

from steering.interventions.panel import KEYS
from steering.serving.status import Status
from steering.system.progress import Step
from steering.ui import text
from steering.ui.playground import answer_html, card_settings
from tests.helpers.answers import EVIL, MEASURED


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


def test_every_kind_of_panel_introduces_itself():
    assert set(text.KINDS) == set(KEYS)
    assert set(text.SHAPES) == set(card_settings.SLOTS)


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


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        ("float32: measured here; weights are packed", "float32"),
        (
            "bfloat16 on the CPU, as asked for; weights are packed",
            "bfloat16 on the CPU, as asked for",
        ),
        ("float16, as asked for", "float16, as asked for"),
    ],
)
def test_the_strip_names_the_number_format_and_keeps_the_reason_for_who_asks(reason, short):
    shown = text.strip(Status("ready", "m", reason), "M", recordings=0)
    assert f'data-tip="{reason}.">{short}</span>' in shown


def test_a_waiting_visitor_learns_their_position_in_line():
    ready = Status("ready", "m", "")
    assert "number 3 in line: 2 requests are" in text.position_in_line(2, ready)
    assert "number 2 in line: one request is" in text.position_in_line(1, ready)
    assert "as soon as the model" in text.position_in_line(0, Status("loading", "m", ""))
    assert "as soon as directions" in text.position_in_line(0, Status("unfitted", "m", ""))


def test_the_outcome_names_every_card():
    assert text.outcome(["Baseline"], [MEASURED]) == "Baseline: refused."


def test_a_sentence_in_latin_letters_is_left_as_it_is():
    assert text.isolated("refuses: “I'm sorry” and “désolé”") == "refuses: “I'm sorry” and “désolé”"
