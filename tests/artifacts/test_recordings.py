import json

import pytest

from steering import defaults
from steering.artifacts import recordings
from steering.artifacts.resumable import Stages
from steering.data.prompts import prompt_set
from steering.interventions.panel import DEFAULT_PANELS
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import card_settings

SOME = {"harmful": ("fraud_scams",), "borderline": ("technical_homonyms",)}


@pytest.fixture
def stages(monkeypatch, tmp_path) -> Stages:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(recordings, "RECORDED_CATEGORIES", SOME)
    monkeypatch.setattr(defaults, "TOKENS", 2)
    return Stages(["recordings"])


def test_the_first_test_prompt_of_each_topic_is_recorded_under_every_panel(tiny, fitted, stages):
    lines = recordings.record(SteerableModel(tiny, fitted), stages)
    assert [(line["label"], line["prompt"]) for line in lines] == [
        (label, next(p.text for p in prompt_set(label, "test") if p.category == topic))
        for label, (topic,) in SOME.items()
    ]
    for line in lines:
        assert line["panels"] == list(DEFAULT_PANELS)
        assert len(line["answers"]) == len(DEFAULT_PANELS)
        assert all(answer["verdict"] and answer["tokens"] <= 2 for answer in line["answers"])
        # The cards, as the page starts, find every answer.
        panels = {
            slot: card_settings.panel_of(panel.name, card_settings.start(panel, fitted), fitted)
            for slot, panel in card_settings.SLOTS.items()
            if slot != "own"
        }
        assert set(card_settings.recorded(line, panels, fitted)) == set(panels)


def test_what_is_recorded_is_not_answered_again_unless_answers_are_longer(
    tiny, fitted, stages, monkeypatch
):
    first = json.loads(json.dumps(recordings.record(SteerableModel(tiny, fitted), stages)))

    def never(*_, **__):
        raise AssertionError("answered again")

    monkeypatch.setattr(recordings, "compare", never)
    assert recordings.record(SteerableModel(tiny, fitted), stages) == first
    monkeypatch.setattr(defaults, "TOKENS", 3)
    with pytest.raises(AssertionError, match="answered again"):
        recordings.record(SteerableModel(tiny, fitted), stages)


def test_every_recorded_topic_has_a_test_prompt():
    for label, topics in recordings.RECORDED_CATEGORIES.items():
        assert set(topics) <= {p.category for p in prompt_set(label, "test")}
