import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from steering import defaults
from steering.artifacts import recordings
from steering.artifacts.resumable import Stages
from steering.data.prompts import prompt_set
from steering.interventions.panel import DEFAULT_PANELS, WITHOUT_INLP, parse
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
        assert line["panels"][: len(DEFAULT_PANELS)] == list(DEFAULT_PANELS)
        assert len(line["answers"]) == len(line["panels"])
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


def forms(directions):
    return [str(panel) for panel in recordings.recorded_panels(directions)]


def test_every_setting_of_the_tour_is_recorded_and_none_twice(fitted):
    assert fitted.default_k == 2
    found = forms(fitted)
    assert {"flip:k=1", "flip", "flip:alpha=1", "nullspace:k=1", "nullspace"} <= set(found)
    assert {"actadd:c=0.5", "actadd:c=1", f"actadd:c={fitted.default_c:g}"} <= set(found)
    assert {"ablation:where=source", "flip:basis=random"} <= set(found)
    assert "flip:k=2" not in found  # it is `flip`
    panels = [parse(form).resolved(fitted) for form in found]
    assert len(set(panels)) == len(panels)
    for panel in panels:
        panel.edit(fitted)  # there are that many directions


def test_ranks_are_recorded_up_to_the_start_but_not_without_end(fitted):
    more = replace(fitted, default_k=3)
    assert {"flip:k=1", "flip:k=2", "flip"} <= set(forms(more))
    ranks = dict.fromkeys(fitted.inlp_ranks, 40)
    many = SimpleNamespace(
        **{name: getattr(fitted, name) for name in ("default_c", "dim_point", "inlp_point")},
        **{name: getattr(fitted, name) for name in ("dim_classes", "inlp_classes", "other")},
        inlp_ranks=ranks,
        default_k=20,
        nullspace=None,
    )
    many.of = lambda _classes: many
    found = [form for form in forms(many) if form.startswith("flip:k=")]
    assert len(found) == recordings.MOST_RANKS
    assert "nullspace:k=40" in forms(many)


def test_a_model_without_inlp_has_what_needs_none(fitted):
    found = forms(replace(fitted, inlp={}))
    assert found[: len(WITHOUT_INLP)] == list(WITHOUT_INLP)
    assert not any("nullspace" in form or "k=" in form for form in found)


def test_every_recorded_topic_has_a_test_prompt():
    for label, topics in recordings.RECORDED_CATEGORIES.items():
        assert set(topics) <= {p.category for p in prompt_set(label, "test")}
