"""What is said while work on a visitor's own goes on, and the button that ends it."""

import gradio as gr
import pytest

from steering.errors import SteeringError
from steering.system.progress import Step
from steering.ui.own_progress import OwnProgress, mistake, say

STEPS = [Step("Reading", 0, 0, ""), Step("Patching", 1, 2, "run")]


@pytest.fixture
def progress():
    return OwnProgress(gr.HTML(), gr.Button())


def work(found, ended=None):
    try:
        yield from STEPS
        if isinstance(found, SteeringError):
            raise found
        return found
    finally:
        if ended is not None:
            ended.append("ended")


def test_it_tells_how_far_it_is_shows_what_was_found_and_takes_the_button_back(progress):
    shown = gr.HTML()
    updates = list(progress.told(lambda: work("words"), lambda found: {shown: found}))
    assert "Reading …" in updates[0][progress.said]
    assert updates[0][progress.stop]["interactive"] is True
    assert "1 of 2" in updates[1][progress.said]
    assert updates[-2] == {progress.said: say("Done."), shown: "words"}
    assert updates[-1][progress.stop]["interactive"] is False
    assert 'role="status"' in updates[0][progress.said]
    assert 'role="alert"' in mistake(SteeringError("no"))


def test_many_small_steps_of_one_kind_are_told_a_few_times_a_second(progress, monkeypatch):
    clock = iter([0.0, 0.1, 0.3, 0.35, 0.35, 9.0])
    monkeypatch.setattr("steering.ui.own_progress.monotonic", lambda: now[0])
    now = [0.0]

    def many():
        for done, label in enumerate(("Reading", "Reading", "Reading", "Patching", "Patching")):
            now[0] = next(clock)
            yield Step(label, done, 5, "run")
        return None

    told = [str(each[progress.said]) for each in progress.told(many, dict) if progress.said in each]
    numbers = [words.partition(" of 5")[0][-1] for words in told if " of 5" in words]
    assert numbers == ["0", "2", "3"], "the first of a kind, and what comes long after the last"


@pytest.mark.parametrize(
    ("found", "words"), [(None, "Stopped"), (SteeringError("it is gone"), "It is gone.")]
)
def test_what_was_stopped_or_refused_shows_nothing(progress, found, words):
    *_, last, off = progress.told(lambda: work(found), lambda _: pytest.fail("it was shown"))
    assert words in last[progress.said]
    assert off[progress.stop]["interactive"] is False


def test_what_is_refused_at_once_leaves_the_button_alone(progress):
    def refused():
        raise SteeringError("the list is empty")

    assert list(progress.told(refused, dict)) == [
        {progress.said: mistake(SteeringError("the list is empty"))}
    ]


def test_whoever_leaves_ends_the_work(progress):
    ended = []
    updates = progress.told(lambda: work("words", ended), lambda _: {})
    next(updates)
    updates.close()  # a `finally` that yields would raise here
    assert ended == ["ended"]
