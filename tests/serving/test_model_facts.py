import json
import os

import pytest

from steering.artifacts import folders, store
from steering.artifacts.evaluation_document import EVALUATION_SCHEMA
from steering.artifacts.local_fits import folder_name
from steering.serving import model_facts
from steering.sources import catalog

NAME = catalog.DEFAULT_MODEL


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Pretend that a model was measured."""
    model_facts._baseline_refusal.cache_clear()
    monkeypatch.setattr(folders, "folder_of", lambda name: tmp_path / folder_name(name))
    monkeypatch.setattr(store, "folder_of", folders.folder_of)
    (tmp_path / folder_name(NAME)).mkdir()

    def pretend(*panels, schema=EVALUATION_SCHEMA):
        document = {"schema": schema, "panels": list(panels)}
        (folders.folder_of(NAME) / "evaluation.json").write_text(json.dumps(document))

    yield pretend
    model_facts._baseline_refusal.cache_clear()


def panel(name: str, rate: float, **more):
    found = {"estimate": rate, "low": rate - 0.1, "high": rate + 0.1, "n": 80}
    kind = "baseline" if name == "baseline" else "paper"
    return {"panel": name, "kind": kind, "harmful": {"n": 80, "refusal_rate": found}, **more}


def test_how_well_a_model_refuses_is_that_of_its_baseline(measured):
    measured(panel("ablation", 0.1), panel("baseline", 0.75))
    found = model_facts.baseline_refusal(NAME)
    assert found == {"estimate": 0.75, "low": 0.65, "high": 0.85, "n": 80}
    assert model_facts.refuses(NAME) == "0.75 [0.65, 0.85] of 80 harmful requests"


def test_an_evaluation_is_read_once_and_again_when_it_was_measured_anew(measured, monkeypatch):
    measured(panel("baseline", 0.75))
    path = folders.folder_of(NAME) / "evaluation.json"
    os.utime(path, ns=(1, 1))
    assert model_facts.baseline_refusal(NAME)["estimate"] == 0.75
    measured(panel("baseline", 0.5))
    os.utime(path, ns=(1, 1))
    assert model_facts.baseline_refusal(NAME)["estimate"] == 0.75
    os.utime(path, ns=(2, 2))
    assert model_facts.baseline_refusal(NAME)["estimate"] == 0.5


def test_an_evaluation_of_a_later_version_is_not_guessed_at(measured):
    measured({"panel": "baseline", "harmful": {"rate": [1, 2]}}, schema=EVALUATION_SCHEMA + 1)
    assert model_facts.refuses(NAME) == "not measured yet"


@pytest.mark.parametrize(
    "panels", [[], [{"panel": "baseline", "kind": "baseline"}], [panel("flip", 0.1)]]
)
def test_what_nobody_measured_is_said(measured, panels):
    measured(*panels)
    assert model_facts.baseline_refusal(NAME) is None
    assert model_facts.refuses(NAME) == "not measured yet"
    assert model_facts.baseline_refusal("no/such-model") is None


def test_a_model_of_the_catalog_says_what_it_takes_and_a_stranger_nothing():
    for entry in catalog.catalog().values():
        rows = dict(model_facts.rows(entry.name))
        assert list(rows)[:3] == ["Licence", "Needs", "Refuses untouched"]
        assert f"{entry.download_bytes / 1e9:.1f} GB to fetch" in rows["Needs"]
        assert ("licence must be accepted" in rows["Needs"]) == entry.gated
        assert ("Template" in rows) == bool(entry.thinking_switch or entry.writes_date)
    assert model_facts.rows("no/such-model") == []
