from types import SimpleNamespace

import pytest

from steering.data.prompts import LABELS, prompt_set
from steering.ui.playground.request_mark import NO_REQUEST, mark_of

RECORDED = {"prompt": "Hi", "label": "borderline", "answers": []}
ENGINE = SimpleNamespace(
    recording=lambda prompt, system="": RECORDED if prompt == "Hi" and not system else None
)


@pytest.mark.parametrize("label", LABELS)
def test_an_example_has_its_label_and_a_stranger_none(label):
    example = prompt_set(label, "test")[0].text
    assert mark_of(ENGINE, example).label == label
    assert mark_of(ENGINE, f"{example}?").label == ""


def test_a_recording_has_the_label_that_it_was_given():
    assert mark_of(ENGINE, "Hi").label == "borderline"


def test_requests_are_told_apart_and_not_told():
    marks = [mark_of(ENGINE, *each) for each in (("Hi",), ("Ho",), ("Hi", "Be brief."))]
    assert len({mark.request for mark in marks}) == 3
    assert mark_of(ENGINE, "Hi") == marks[0]
    assert mark_of(ENGINE, "Hi", " \n") == marks[0]
    assert all("Hi" not in mark.request for mark in marks)
    assert mark_of(ENGINE, "\ud800").request  # half a character, as a browser can send it


def test_no_request_has_no_mark():
    assert mark_of(ENGINE, " ") == NO_REQUEST
