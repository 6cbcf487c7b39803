import json

import pytest

from steering.artifacts import saved_runs
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import packed_run, run_saving
from tests.helpers.ended import asked_of, ended
from tests.helpers.engines import ready

RECORDING = {
    "prompt": "Recorded",
    "label": "harmful",
    "answers": [Answer("baseline", "One").as_dict(), Answer("flip", "Two").as_dict()],
}
DONE = {"baseline": "done", "flip": "done", "own": "off"}


@pytest.fixture(scope="module")
def run(tiny, fitted):
    return ended(SteerableModel(tiny, fitted))


def saved(engine, asked, run, kind="json", states=None):
    given = {"asked": 3, "format": kind, "states": DONE if states is None else states}
    return json.loads(run_saving.saved(engine, given, asked, run))


def test_a_run_is_saved_as_it_was_whatever_is_typed_since(engine, fitted, run):
    found = saved(engine, asked_of(fitted, prompt="Other", slots=("baseline",)), run)
    assert found["asked"] == 3
    assert found["type"] == "application/json"
    assert found["name"].startswith("refusal-steering-tiny-qwen2-")
    assert found["name"].endswith(".json")
    assert not set(found["name"]) & set(': /\\"')
    document = json.loads(found["content"])
    assert document["prompt"] == "Hi"
    assert [each["title"] for each in document["panels"]] == ["Baseline", "Counterfactual flipping"]


def test_a_page_names_itself_in_its_command(engine, fitted, run):
    found = saved(engine, asked_of(fitted), run, "html")
    assert found["type"] == "text/html"
    assert f"python -m steering replay {found['name']}" in found["content"]


def test_what_the_browser_shows_from_a_recording_is_the_recording(tiny, fitted, run):
    engine = ready(tiny, fitted, (RECORDING,))
    states = {"baseline": "recorded", "flip": "recorded", "ablation": "missing"}
    asked = asked_of(fitted, prompt="Recorded")
    document = json.loads(saved(engine, asked, run, states=states)["content"])
    assert document["recorded"]
    texts = [each["turns"][0]["answer"]["text"] for each in document["panels"]]
    assert texts == ["One", "Two"]
    other = asked_of(fitted, prompt="Something else")
    assert "was changed since" in saved(engine, other, run, states=states)["problem"]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({}, "no answer to save yet"),
        ({"baseline": "idle"}, "no answer to save yet"),
        ({"baseline": "done", "flip": "writing"}, "still being written"),
        ({"baseline": "waiting"}, "still being written"),
        ([], "no answer to save yet"),
        ({"baseline": "shared", "flip": "shared"}, "was opened from a file or a link"),
        ({"baseline": "saved"}, "was opened from a file or a link"),
    ],
)
def test_where_there_is_nothing_to_save_it_says_so(engine, fitted, run, shown, words):
    assert words in saved(engine, asked_of(fitted), run, states=shown)["problem"]
    # A run that failed has emptied the cards; what was kept of an earlier one is not on them.
    assert "no answer" in saved(engine, asked_of(fitted), None)["problem"]


@pytest.mark.parametrize("given", [None, [], "x", {"asked": "1", "states": 3}])
def test_what_a_browser_may_send_is_answered(engine, fitted, run, given):
    found = json.loads(run_saving.saved(engine, given, asked_of(fitted), run))
    assert found["asked"] == 0
    assert found["problem"]


def test_a_link_takes_the_same_run_as_the_file(engine, fitted, run):
    linked = saved(engine, asked_of(fitted), run, "link")
    content = saved(engine, asked_of(fitted), run)["content"]
    assert linked["asked"] == 3
    assert packed_run.unpacked(linked["run"]) == saved_runs.parsed(content, "x")


def test_answers_that_are_too_long_for_a_link_say_so(engine, fitted, run, monkeypatch):
    monkeypatch.setattr(packed_run, "MOST_SIGNS", 10)
    assert "Save the run" not in saved(engine, asked_of(fitted), run)
    assert "send that file" in saved(engine, asked_of(fitted), run, "link")["problem"]


def test_a_file_is_brought_whole_or_named(engine, fitted, run, monkeypatch):
    content = saved(engine, asked_of(fitted), run)["content"]
    given = {"asked": 1, "name": "run.json", "text": content}
    assert run_saving.brought(given) == saved_runs.parsed(content, "run.json")
    monkeypatch.setattr(run_saving, "_MOST_CHARACTERS", len(content) - 1)
    with pytest.raises(SteeringError, match=f"run.json has {len(content):,} characters; at most"):
        run_saving.brought(given)
    for sent in (None, [], {"name": 1, "text": content}, {"name": "x"}):
        with pytest.raises(SteeringError, match="there is no file"):
            run_saving.brought(sent)


def test_the_limit_that_the_page_names_is_the_limit():
    assert f"At most {run_saving._MOST_CHARACTERS // 2**20} MB" in run_saving._BOARD
