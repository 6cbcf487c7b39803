"""The seconds of a start, with starts that take no time."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from steering.bench import start
from steering.errors import SteeringError

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_the_first_start_warms_up_and_goals_are_in_seconds(monkeypatch):
    pages = iter([90.0, 2.0, 4.0, 3.0])
    monkeypatch.setattr(start, "start", lambda *_: (next(pages), 11.0, "float32"))
    monkeypatch.setattr(start, "import_seconds", lambda: 2.0)
    document = start.measure(["--model", "tiny"], model="tiny", tokens=8, rounds=3)
    page, word = document["rows"]
    assert (page["low"], page["ratio"], page["high"]) == (1.0, 1.5, 2.0)
    assert word["ratio"] == 5.5
    goals = {each["name"]: (each["value"], each["met"]) for each in document["figures"]}
    assert goals["start to page"] == (3.0, True)
    assert goals["start to page, slowest"] == (4.0, None)
    assert goals["start to first word"] == (11.0, True)


def test_the_first_word_is_that_of_a_visitor_who_comes_at_once(served, monkeypatch):
    told = {}

    @contextmanager
    def serving(options, settings):
        told.update(options=options, settings=settings)
        yield SimpleNamespace(
            url=served.url,
            began=0.0,
            wait_for_page=lambda: 1.0,
            wait_until_ready=lambda: "float32",
        )

    monkeypatch.setattr(start, "serving", serving)
    page, word, number_format = start.start(["--model", "tiny"], 16)
    assert (page, number_format) == (1.0, "float32")
    assert word > page
    assert told == {"options": ["--model", "tiny"], "settings": {"STEERING_MAX_NEW_TOKENS": "16"}}


def test_an_app_that_does_not_answer_is_refused(served, monkeypatch):
    monkeypatch.setattr(start, "PROMPT", "  ")
    with pytest.raises(SteeringError, match="did not answer: lost: The request is empty"):
        start.asyncio.run(start._first_word(served.url))


def test_the_base_of_the_ratios_is_a_process_that_imports_torch(monkeypatch):
    ran = []
    monkeypatch.setattr(start.subprocess, "run", lambda command, **_: ran.append(command))
    assert start.import_seconds() >= 0
    assert ran[0][1:] == ["-c", "import torch"]


@pytest.mark.parametrize("rounds", [0, 2])
def test_too_few_rounds_are_refused_before_anything_starts(rounds):
    with pytest.raises(SteeringError, match=f"rounds={rounds} is too few"):
        start.measure([], model="tiny", tokens=8, rounds=rounds)
