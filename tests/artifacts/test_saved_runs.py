import json

import pytest

from steering.artifacts import saved_runs
from steering.errors import SteeringError
from steering.inference.sampling import Sampling
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import ended_runs
from steering.ui.playground.run_page import run_page
from tests.helpers.ended import ended

NASTY = 'Say </template> & "<b>" {{ x }} &lt; \u2028 héllo'


@pytest.fixture(scope="module")
def document(tiny, fitted):
    run = ended(SteerableModel(tiny, fitted), prompt=NASTY, system="Be brief.")
    return json.loads(json.dumps(ended_runs.document(run)))


def file_of(tmp_path, text, name="run.json"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_data_and_page_are_read_to_the_same_run(tmp_path, document):
    data = saved_runs.read(file_of(tmp_path, json.dumps(document)))
    page = saved_runs.read(file_of(tmp_path, str(run_page(document, "run.html")), "run.html"))
    assert data == page
    assert data.system == "Be brief."
    assert data.titles == ("Baseline", "Counterfactual flipping")
    for (turn,), panel in zip(data.turns, document["panels"], strict=True):
        answer = panel["turns"][0]["answer"]
        assert turn.request == NASTY
        assert list(turn.token_ids) == answer["token_ids"]
        assert turn.text == answer["text"]
        assert turn.sampling == Sampling(max_new_tokens=6)
        assert json.loads(json.dumps(turn.answer.as_dict())) == answer
    assert data.written == document["ended"]
    assert str(data.turns[1][0].panel) == document["panels"][1]["turns"][0]["resolved"]


def test_a_byte_order_mark_is_no_matter(tmp_path, document):
    path = file_of(tmp_path, "\ufeff" + json.dumps(document))
    assert saved_runs.read(path).turns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no JSON"),
        ("{", "holds no JSON"),
        ("[" * 100_000, "holds no JSON"),
        ("[]", "is no saved run"),
        ('{"kind": "other"}', "is no saved run"),
        ("<!doctype html><p>Hi</p>", "a page without the data"),
        ('<!doctype html><template id="run">{</template>', "holds no JSON"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path, text, words):
    with pytest.raises(SteeringError, match=words):
        saved_runs.read(file_of(tmp_path, text))


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(SteeringError, match="cannot be read"):
        saved_runs.read(tmp_path / "none.json")
    with pytest.raises(SteeringError, match="cannot be read"):
        saved_runs.read(tmp_path)
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(SteeringError, match="no text in UTF-8"):
        saved_runs.read(tmp_path / "latin")


def test_a_file_that_is_far_too_large_is_not_read(tmp_path, monkeypatch, document):
    path = file_of(tmp_path, json.dumps(document))
    monkeypatch.setattr(saved_runs, "_LARGEST", 10)
    with pytest.raises(SteeringError, match="has at most 10"):
        saved_runs.read(path)


def turn(document):
    return document["panels"][0]["turns"][0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: run.update(schema=2), "schema 2"),
        (lambda run: run.update(panels=[]), "no panels"),
        (lambda run: run.update(panels="x"), "panels is 'x'; it must be a list"),
        (lambda run: run.update(panels=[3]), "panel 1: title is None"),
        (lambda run: run.update(model=None), "model is None"),
        (lambda run: run["panels"][0].update(turns=[]), "panel 1: it holds no answer"),
        (lambda run: turn(run).update(request=1), "panel 1, turn 1: request is 1"),
        (lambda run: turn(run).update(resolved="flop"), "turn 1: unknown panel 'flop'"),
        (lambda run: turn(run).update(answer=None), "text is None"),
        (lambda run: turn(run).update(panel="flop"), "turn 1: unknown panel 'flop'"),
        (lambda run: turn(run)["answer"].update(kl="1"), "turn 1: kl is '1'; it must be a number"),
        (lambda run: turn(run)["answer"].update(token_ids=[1.5]), "a list of whole numbers"),
        (lambda run: turn(run)["answer"].update(token_ids=[True]), "a list of whole numbers"),
        (lambda run: turn(run)["answer"].update(begun=99), "begun is 99"),
        (lambda run: turn(run)["sampling"].update(seed=-1), "seed=-1 is out of range"),
        (lambda run: turn(run)["sampling"].update(seed="1"), "sampling.seed is '1'"),
        (lambda run: turn(run)["sampling"].update(luck=1), "sampling.luck is 1"),
    ],
)
def test_what_is_damaged_is_named_by_its_place(tmp_path, document, spoil, words):
    spoiled = json.loads(json.dumps(document))
    spoil(spoiled)
    with pytest.raises(SteeringError) as told:
        saved_runs.read(file_of(tmp_path, json.dumps(spoiled)))
    assert words in str(told.value)


def test_conditions_that_nobody_can_use_are_left_out(tmp_path, document):
    spoiled = document | {"conditions": {"dtype": 3, "speed": "exact", "weights": {"sha256": 1}}}
    found = saved_runs.read(file_of(tmp_path, json.dumps(spoiled)))
    assert found.conditions == {"speed": "exact", "weights": {}}
