"""A run that was saved is run again, on the tiny model: whatever is loaded is that model."""

import json
from dataclasses import replace

import pytest

from steering.cli import replay_commands
from steering.cli.main import main
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import ended_runs
from steering.ui.playground.run_page import run_page
from tests.helpers.commands import refused
from tests.helpers.ended import ended


@pytest.fixture
def replayed(tmp_path, directions, capsys):
    """Return a function that replays a document, and gives the exit code and what was printed."""

    def replay(document, *arguments, name="run.json"):
        path = tmp_path / name
        page = name.endswith(".html")
        path.write_text(str(run_page(document, name)) if page else json.dumps(document), "utf-8")
        code = main(["replay", str(path), "--directions", directions, *arguments])
        told = capsys.readouterr()
        assert told.err == ""
        return code, told.out

    return replay


def document_of(tiny, fitted, **options):
    return ended_runs.document(ended(SteerableModel(tiny, fitted), **options))


@pytest.mark.parametrize("name", ["run.json", "run.html"])
@pytest.mark.parametrize("sampling", [Sampling(6), Sampling(6, 1.2, 0.9, seed=7)])
def test_a_run_gives_the_same_text_again(tiny, fitted, replayed, name, sampling):
    document = document_of(tiny, fitted, sampling=sampling, system="Be brief.")
    code, out = replayed(document, "--json", name=name)
    found = json.loads(out)
    assert code == 0
    assert found["same"]
    assert found["differing"] == []
    assert [each["title"] for each in found["answers"]] == ["Baseline", "Counterfactual flipping"]
    for each, panel in zip(found["answers"], document["panels"], strict=True):
        assert each["text"] == panel["turns"][0]["answer"]["text"]
        assert each["compared"] == each["tokens"] > 0
        assert each["differs_at"] is None


def test_where_an_answer_differs_is_told_with_its_token(tiny, fitted, replayed):
    document = document_of(tiny, fitted)
    answer = document["panels"][1]["turns"][0]["answer"]
    answer["token_ids"] = [*answer["token_ids"][:2], 5, *answer["token_ids"][3:]]
    code, out = replayed(document, "--json")
    same, other = json.loads(out)["answers"]
    assert code == 1
    assert same["same"]
    assert (other["same"], other["differs_at"]) == (False, 2)
    code, out = replayed(document)
    assert code == 1
    assert "differs from token 3 of 6 on" in out
    assert out.endswith(
        f"Not the same text as in {json.loads(replayed(document, '--json')[1])['file']}.\n"
    )


def test_another_edit_and_other_directions_are_seen(tiny, fitted, replayed):
    other = replace(fitted, default_k=fitted.default_k + 1)
    document = document_of(tiny, other)
    _, out = replayed(document, "--json")
    found = json.loads(out)
    assert [each["what"] for each in found["differing"]] == ["directions"]
    # The settings are those of the run, whatever these directions would start with.
    assert found["same"]
    document["panels"][1]["turns"][0]["resolved"] = str(Panel("actadd", c=3.0).resolved(fitted))
    code, out = replayed(document, "--json")
    assert code == 1
    assert json.loads(out)["answers"][0]["same"]


def test_a_run_that_was_stopped_is_compared_as_far_as_it_went(tiny, fitted, replayed):
    document = document_of(tiny, fitted)
    for panel in document["panels"]:
        answer = panel["turns"][0]["answer"]
        answer["token_ids"] = answer["token_ids"][:3]
        answer["ended"] = False
    code, out = replayed(document)
    assert code == 0
    assert "the same for the 3 tokens after which it was stopped" in out


def test_a_recording_that_kept_no_tokens_is_compared_by_its_text(tiny, fitted, replayed):
    document = document_of(tiny, fitted)
    for panel in document["panels"]:
        panel["turns"][0]["answer"]["token_ids"] = []
    assert replayed(document)[0] == 0
    document["panels"][0]["turns"][0]["answer"]["text"] += "!"
    code, out = replayed(document, "--json")
    assert code == 1
    assert json.loads(out)["answers"][0]["differs_at"] is None


def test_an_answer_that_went_on_from_anothers_goes_on_again(tiny, fitted, replayed):
    steerable = SteerableModel(tiny, fitted)
    before = ended(steerable)
    from steering.inference.comparison import compare

    kept, sampling = before.token_ids["baseline"][:2], Sampling(4)
    *_, (answer,) = compare(steerable, "Hi", [Panel("flip")], sampling=sampling, begin=kept)
    after = ended_runs.gone_on(
        before, before.asked, "flip", "baseline", answer, sampling, steerable
    )
    code, out = replayed(ended_runs.document(after), "--json")
    assert code == 0
    assert json.loads(out)["answers"][1]["tokens"] == answer.tokens


@pytest.mark.parametrize(
    ("saved", "here", "place"),
    [
        ((1, 2, 3), (1, 2, 3), None),
        ((1, 2, 3), (1, 2, 3, 4), 3),  # it ended by itself, and does not any more
        ((1, 2, 3), (1, 2), 2),
        ((1, 2, 3), (9, 2, 3), 0),
    ],
)
def test_the_first_difference_is_a_place(saved, here, place):
    turn = replay_commands.SavedTurn(
        "Hi", Panel("baseline"), Sampling(8), "", saved, 0, True, Answer("baseline")
    )
    assert replay_commands.first_difference(turn, here) == place


def test_a_file_that_is_no_run_is_told_before_a_model_is_loaded(tmp_path, no_loading, capsys):
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert "is no saved run" in refused(capsys, "replay", str(path))
    assert "cannot be read" in refused(capsys, "replay", str(tmp_path / "none"))


def test_a_request_that_is_empty_is_told_before_a_model_is_loaded(
    tiny, fitted, tmp_path, no_loading, capsys
):
    document = document_of(tiny, fitted)
    document["panels"][0]["turns"][0]["request"] = " "
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    assert "the request is empty" in refused(capsys, "replay", str(path))


def test_a_conversation_is_replayed_turn_by_turn(tiny, fitted, replayed):
    from steering.inference.comparison import compare

    steerable = SteerableModel(tiny, fitted)
    before = ended(steerable)
    asked = replace(before.asked, prompt="And then?")
    panels = [each.panel(fitted) for each in asked.chosen.values()]
    histories = [[said.turn for said in talk] for talk in before.talks.values()]
    *_, answers = compare(steerable, "And then?", panels, sampling=Sampling(5), histories=histories)
    after = ended_runs.ended_run(asked, answers, Sampling(5), steerable, "id", before)
    document = ended_runs.document(after)
    code, out = replayed(document, "--json")
    assert code == 0
    found = json.loads(out)["answers"]
    assert [(each["panel"], each["turn"]) for each in found] == [
        (document["panels"][row]["turns"][turn]["resolved"], turn + 1)
        for row in (0, 1)
        for turn in (0, 1)
    ]
    # Another word before it is another conversation, and of its own card alone.
    document["panels"][1]["turns"][0]["answer"]["text"] += " a fox"
    code, out = replayed(document, "--json")
    assert code == 1
    assert [each["same"] for each in json.loads(out)["answers"]] == [True, True, True, False]
    assert "turn 2" in replayed(document)[1]
