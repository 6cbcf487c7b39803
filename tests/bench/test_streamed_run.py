"""What a simulated visitor reads out of the page's HTML."""

from dataclasses import replace

import pytest

from steering.bench import streamed_run
from steering.bench.streamed_run import Shown, StreamedRun, trouble_of, words_of
from steering.inference.comparison import Answer
from steering.ui.playground import answer_html


def test_texts_are_read_as_they_were_written():
    answer = Answer("flip:k=3", 'He said: "<b>1 & 2</b>"\nand left', tokens=7)
    shown = streamed_run._shown(
        answer_html.view(replace(answer, first_tokens=(("He", 0.5),)), "done")
    )
    assert shown == Shown("flip:k=3", answer.text, 7)
    assert streamed_run._shown(answer_html.view(None, "waiting")) is None
    assert words_of("<p>a &lt; b</p>") == "a < b"


@pytest.mark.parametrize(
    ("note", "success", "trouble"),
    [
        ("Done after 3.0 seconds.", True, None),
        ("Done after 3.0 seconds.", False, "lost"),
        ("20 requests are waiting already, try again.", True, "refused"),
        ("The request is empty.", True, "lost"),
    ],
)
def test_a_run_that_did_not_end_well_says_how(note, success, trouble):
    found = trouble_of(StreamedRun(note=note), success)
    assert (found and found.partition(":")[0]) == trouble
