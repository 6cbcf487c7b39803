"""What the tour is told, and that its texts say the same in every language."""

import json
import re
from dataclasses import replace

import pytest

from steering.inference.comparison import Answer
from steering.interventions.panel import Panel
from steering.serving.engine import Engine, Supply
from steering.ui import request_bar, tour
from tests.helpers import patching, wordings
from tests.helpers.capabilities import document
from tests.helpers.doses import row
from tests.helpers.harm_documents import harm_document

STEPS = tour.read("steps.json")
EDITS = ["refusal", "ablate", "rank", "nullspace", "between", "opposite", "soup", "overrefusal"]
INSIDE = ["harm", "decided", "wordings", "erasers", "cost"]
ORDER = EDITS + INSIDE


def texts(code):
    return tour.read(f"{code}.json")


def shape(value, path=""):
    """Return the paths of all texts in a document, with what is filled into them."""
    if isinstance(value, str):
        return {path: sorted(re.findall(r"\{\w+\}", value))}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        key: found for name, each in pairs for key, found in shape(each, f"{path}/{name}").items()
    }


@pytest.mark.parametrize("code", tour.LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_gaps(code):
    assert shape(texts(code)) == shape(texts("en"))
    if code != "en":
        own, english = texts(code), texts("en")
        for step in ORDER:  # translated, not copied
            assert own["task"][step]["text"] != english["task"][step]["text"]
    assert all(
        value.strip() == value != ""
        for value in re.findall(r'"([^"]*)"[,\n]', json.dumps(texts(code)))
    )


def test_every_step_has_a_task_and_two_parts():
    assert [step["id"] for step in STEPS] == ORDER
    chapters = {step["id"]: step["chapter"] for step in STEPS}
    assert chapters == dict.fromkeys(EDITS, "edits") | dict.fromkeys(INSIDE, "inside")
    for code in tour.LANGUAGES:
        assert list(texts(code)["task"]) == ORDER
        assert list(texts(code)["chapters"]) == ["edits", "inside"]
        assert all(len(each["parts"]) == 2 for each in texts(code)["task"].values())


def told(engine):
    return json.loads(tour.told(engine))


def recording(prompt, label, **verdicts):
    said = {
        "refused": "I'm sorry, but I can't help with that.",
        "answered": "Sure. First, take one.",
    }
    answers = [
        Answer(name, said[verdict], finished=True, ended=True, verdict=verdict).as_dict()
        for name, verdict in verdicts.items()
    ]
    return {"prompt": prompt, "label": label, "answers": answers}


@pytest.fixture
def supply(fitted):
    return Supply(None, lambda _: fitted, lambda _: ())


def test_what_a_text_form_leaves_out_is_told(supply, fitted):
    found = told(Engine("tiny", supply))
    assert found["defaults"]["flip"] == {"k": 2, "alpha": 2.0, "basis": "inlp"}
    assert found["defaults"]["nullspace"]["alpha"] == 1.0
    assert found["defaults"]["actadd"]["c"] == fitted.default_c
    assert "baseline" not in found["defaults"]
    assert found["maps"] is False
    bare = told(Engine("tiny", replace(supply, directions=lambda _: replace(fitted, inlp={}))))
    assert set(bare["defaults"]) == {"ablation", "actadd"}
    # What was seen with other directions is not taken for theirs.
    assert bare["model"] != found["model"]


def test_a_step_about_a_view_is_there_where_something_was_measured(supply, fitted):
    assert told(Engine("tiny", supply))["views"] == []

    def found(**measured):
        given = {name: lambda _name, each=each: each for name, each in measured.items()}
        return told(Engine("tiny", replace(supply, **given)))["views"]

    assert found(harm=harm_document()) == ["harm"]
    assert found(patching=patching.made()) == ["decided"]
    assert found(wordings=wordings.made()) == ["wordings"]
    rows = {"panels": [{"panel": "flip"}, {"panel": "leace"}]}
    assert found(evaluation=rows) == ["erasers"]
    assert found(evaluation={"panels": rows["panels"][:1]}) == []
    swept, asked = [row(Panel("flip"), fitted)], document({"flip": 0.5})
    assert found(sweep=swept, capability=asked) == ["cost"]
    for less in (
        {"capability": asked},
        {"sweep": swept},
        {"sweep": swept, "capability": document({"leace": 0.5})},
        {"sweep": swept, "capability": asked | {"model": "another"}},
    ):
        assert found(**less) == []


def test_a_step_shows_the_recorded_request_that_fits_it_best(supply):
    lines = (
        recording("calm", "harmful", baseline="answered", ablation="answered"),
        recording("best", "harmful", baseline="refused", ablation="answered", flip="answered"),
        recording("both", "harmful", baseline="refused", nullspace="refused", flip="answered"),
        recording("grim", "harmless", baseline="refused", actadd="refused"),
        recording("soup", "harmless", baseline="answered", actadd="refused"),
        recording("easy", "borderline", baseline="answered", flip="answered"),
        recording("over", "borderline", baseline="refused", flip="answered"),
    )
    requests = told(Engine("tiny", replace(supply, recordings=lambda _: lines)))["requests"]
    assert requests["harmful"] == "best"
    assert requests["weaker"] == "both"
    assert requests["harmless"] == "soup"
    assert requests["borderline"] == "over"
    assert set(requests) == {show["request"] for step in STEPS for show in step["shows"]}


def test_without_recordings_the_examples_of_the_page_are_shown(supply):
    engine = Engine("tiny", supply)
    requests, examples = told(engine)["requests"], request_bar.examples(engine)
    for role, label in (("harmful", "harmful"), ("harmless", "harmless"), ("lands", "harmful")):
        assert requests[role] == examples[label][0]


def test_a_request_is_told_as_json_without_markup(supply):
    evil = recording("</script><b>", "harmful", baseline="refused")
    found = tour.told(Engine("tiny", replace(supply, recordings=lambda _: (evil,))))
    assert "<" not in found
    assert json.loads(found)["requests"]["harmful"] == "</script><b>"


def test_a_model_without_directions_has_a_tour_too(tiny):
    from steering.errors import NotFittedError

    def none(_name):
        raise NotFittedError("there are no directions")

    found = told(Engine("tiny", Supply(lambda *_: tiny, none, lambda _: ())))
    assert found["defaults"] == {}
    assert found["requests"]["harmful"]


def test_the_panel_has_a_place_for_every_part_and_says_what_is_solved_politely():
    board = str(tour.board())
    for name in ("title", "text", "parts", "tried", "said", "show", "steps", "list", "reset"):
        assert f'data-part="{name}"' in board
    assert 'data-part="said" role="status" aria-live="polite"' in board
    assert board.startswith('<aside class="tour" hidden')
    for code, name in tour.LANGUAGES.items():
        assert f'<option value="{code}" lang="{code}">{name}</option>' in board
