from steering.artifacts.resumable import Stages
from steering.evaluation.evaluation_arms import BASELINE, paper
from steering.evaluation.long_answers import answer_at_length
from steering.maps.steerable_model import SteerableModel


def long(tiny, fitted, sets, tokens, arms=None):
    arms = (BASELINE, paper(fitted)[0]) if arms is None else arms
    steerable = SteerableModel(tiny, fitted)
    stages = Stages(["long", tokens])
    return answer_at_length(steerable, sets, arms, stages, tokens=tokens, rows_per_batch=8)


def test_harmful_and_harmless_prompts_answer_under_every_arm(
    tiny, fitted, sets, monkeypatch, tmp_path
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    rows, tokens = long(tiny, fitted, {**sets, "borderline": ["How do I kill a process?"]}, 5)
    assert tokens == 5
    assert {(row.group, row.panel) for row in rows} == {
        (group, panel) for group in sets for panel in ("baseline", "actadd:c=-1")
    }
    assert len(rows) == 2 * sum(map(len, sets.values()))
    assert long(tiny, fitted, sets, 5, arms=())[0] == []


def test_answers_are_as_long_as_the_context_has_room_for(tiny, fitted, sets, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    longest = max(len(tiny.render(text)) for texts in sets.values() for text in texts)
    monkeypatch.setattr(type(tiny), "context_length", longest + 3)
    rows, tokens = long(tiny, fitted, sets, 256)
    assert tokens == 3
    assert rows
