"""The gate of fast products, on a tiny model whose fast form is as close as a test makes it."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from steering.adaptation import fast_gate
from steering.adaptation.fast_gate import Exact, allowed, measure
from steering.artifacts import store
from steering.interventions.panel import usual
from steering.maps.steerable_model import SteerableModel
from steering.models.inspection import inspect
from steering.sources.weights import Weights
from steering.system import whole_files
from tests.helpers import tiny_evaluations

pytestmark = pytest.mark.slow


@pytest.fixture
def exact(tiny, fitted, splits, cache, monkeypatch):
    monkeypatch.setattr(fast_gate, "GATE_PROMPTS", 4)
    monkeypatch.setattr(fast_gate, "GATE_TOKENS", 6)
    named = replace(tiny, provenance={"source": "test", "sha256": "a" * 64, "revision": None})
    return Exact(SteerableModel(named, fitted), splits, None)


def off_by(tiny, share):
    """Load a model whose head is off by a share of its size; the share may hang on the parts."""
    loaded = []

    def load(parts):
        loaded.append(parts)
        network = copy.deepcopy(tiny.network)
        noise = torch.randn(
            network.lm_head.weight.shape, generator=torch.Generator().manual_seed(1)
        )
        scale = share(parts) * network.lm_head.weight.std()
        network.lm_head.weight = torch.nn.Parameter(network.lm_head.weight + scale * noise)
        return inspect(tiny.name, network, tiny.tokenizer, openers=tuple(tiny.openers))

    load.loaded = loaded
    return load


def stored(document, folder: Path) -> Weights:
    whole_files.write_json(folder / "fast_gate.json", document)
    held = document["provenance"]["weights"]
    return Weights("tiny", folder, "folder", held.get("sha256"), held.get("revision"))


def test_the_same_products_pass_with_one_part_and_are_allowed(exact, tiny, tmp_path):
    load = off_by(tiny, lambda _: 0.0)
    document = measure(exact, load)
    assert load.loaded == [1]
    (trial,) = document["trials"]
    assert trial["failed"] == []
    assert [each["mean"] for each in trial["divergence"]] == [0.0] * 5
    assert all(each["positions"] > 0 for each in trial["divergence"])
    assert len(trial["divergence"]) == len(usual(exact.steerable.directions))
    assert trial["verdicts_equal"] == trial["answers"] == 4 * 5
    assert "rates" not in trial
    found = allowed("tiny", stored(document, tmp_path), folder=tmp_path)
    assert found.parts == 1
    assert "20 of 20 answers keep their verdict" in found.sentence


def test_what_is_far_off_fails_in_both_forms_and_says_by_how_much(exact, tiny, tmp_path):
    load = off_by(tiny, lambda _: 1.0)
    document = measure(exact, load)
    assert load.loaded == [1, 2]
    assert all("the KL divergence is" in trial["failed"][0] for trial in document["trials"])
    found = allowed("tiny", stored(document, tmp_path), folder=tmp_path)
    assert found.parts is None
    assert "too far off for this model: under baseline the KL divergence is" in found.sentence


def test_two_parts_are_tried_where_one_does_not_pass(exact, tiny, tmp_path):
    document = measure(exact, off_by(tiny, lambda parts: 1.0 if parts == 1 else 0.0))
    assert [bool(trial["failed"]) for trial in document["trials"]] == [True, False]
    assert allowed("tiny", stored(document, tmp_path), folder=tmp_path).parts == 2


def test_verdicts_that_change_fail_whatever_the_divergence(exact, tiny, monkeypatch):
    monkeypatch.setattr(fast_gate, "MOST_KL", float("inf"))
    monkeypatch.setattr(fast_gate, "LEAST_EQUAL", 1.01)
    document = measure(exact, off_by(tiny, lambda _: 0.0))
    failed = [trial["failed"][0] for trial in document["trials"]]
    assert len(failed) == 2
    assert all("20 of 20 answers keep their verdict" in each for each in failed)


@pytest.mark.parametrize("inside", [True, False])
def test_rates_have_to_stay_in_the_intervals_of_the_evaluation(exact, tiny, inside):
    evaluation = tiny_evaluations.document()
    evaluation["sampling"] = {"max_new_tokens": 6}
    ends = {"low": 0.0, "high": 1.0} if inside else {"low": 0.98, "high": 0.99}
    for entry in evaluation["panels"]:
        for name in ("harmful", "harmless"):
            entry[name]["refusal_rate"] = {"estimate": 0.985, **ends, "n": 80}
    document = measure(replace(exact, evaluation=evaluation), off_by(tiny, lambda _: 0.0))
    trial = document["trials"][-1]
    sizes = {len(texts) for texts in exact.splits.test.values()}
    assert {rate["n"] for rate in trial["rates"]} == sizes
    assert {rate["prompts"] for rate in trial["rates"]} == {"harmful", "harmless"}
    assert len({rate["panel"] for rate in trial["rates"]}) >= 3
    outside = [rate for rate in trial["rates"] if not ends["low"] <= rate["fast"] <= ends["high"]]
    assert len(trial["failed"]) == len(outside)
    assert bool(outside) != inside


def test_rates_that_other_rules_judged_are_not_compared(exact, tiny):
    evaluation = tiny_evaluations.document()
    evaluation["sampling"] = {"max_new_tokens": 6}
    evaluation["judge_version"] -= 1
    document = measure(replace(exact, evaluation=evaluation), off_by(tiny, lambda _: 0.0))
    assert "rates" not in document["trials"][-1]
    assert document["trials"][-1]["failed"] == []


@pytest.mark.parametrize("spelled", ["short", "with its rank", "every default filled in"])
def test_an_edit_is_found_in_the_table_however_it_is_spelled(exact, tiny, spelled):
    directions = exact.steerable.directions
    texts = {
        "short": list(map(str, exact.panels)),
        "with its rank": [
            f"{panel.name}:k={panel.resolved(directions).k}"
            if panel.name in ("flip", "nullspace")
            else str(panel)
            for panel in exact.panels
        ],
        "every default filled in": [str(panel.resolved(directions)) for panel in exact.panels],
    }[spelled]
    evaluation = tiny_evaluations.document()
    evaluation["sampling"] = {"max_new_tokens": 6}
    filled = [
        {**entry, "panel": text} for entry, text in zip(evaluation["panels"], texts, strict=False)
    ]
    assert len(filled) == len(texts) == 5
    evaluation["panels"] = filled
    document = measure(replace(exact, evaluation=evaluation), off_by(tiny, lambda _: 0.0))
    found = {rate["panel"] for rate in document["trials"][-1]["rates"]}
    assert found == {str(panel.resolved(directions)) for panel in exact.panels}


def test_a_run_that_was_stopped_goes_on(exact, tiny, monkeypatch):
    load = off_by(tiny, lambda _: 0.0)
    document = measure(exact, load)

    def fail(*_, **__):
        raise AssertionError("it was measured already")

    monkeypatch.setattr(fast_gate, "answered", fail)
    monkeypatch.setattr(fast_gate, "kl_divergence", fail)
    assert measure(exact, load) == document
    json.dumps(document)


def test_without_a_measurement_the_command_is_named(tmp_path):
    found = allowed("tiny", Weights("tiny", tmp_path, "folder", None, None), folder=tmp_path)
    assert found.parts is None
    assert "python -m steering gate --model tiny" in found.sentence


@pytest.mark.parametrize("part", ["sha256", "revision"])
def test_a_measurement_of_other_weights_does_not_count(exact, tiny, tmp_path, part):
    found = stored(measure(exact, off_by(tiny, lambda _: 0.0)), tmp_path)
    other = allowed("tiny", replace(found, **{part: "f" * 40}), folder=tmp_path)
    assert other.parts is None
    assert "of other weights" in other.sentence


def test_weights_that_nothing_names_are_refused_since_others_may_lie_there_by_now(
    exact, tiny, tmp_path
):
    found = stored(measure(exact, off_by(tiny, lambda _: 0.0)), tmp_path)
    assert allowed("tiny", found, folder=tmp_path).parts == 1
    nameless = replace(found, sha256=None, revision=None)
    said = allowed("tiny", nameless, folder=tmp_path)
    assert said.parts is None
    assert "neither SHA-256 nor commit" in said.sentence


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        '{"schema": 99}',
        '{"schema": 1}',
        '{"schema": 1, "prompts": 4, "provenance": {"weights": {}}, "trials": []}',
        '{"schema": 1, "prompts": 4, "provenance": {"weights": 7}, "trials": [{}]}',
    ],
)
def test_a_file_that_cannot_be_read_allows_nothing_and_is_told(tmp_path, broken):
    (tmp_path / "fast_gate.json").write_text(broken)
    found = allowed("tiny", Weights("tiny", tmp_path, "folder", None, None), folder=tmp_path)
    assert found.parts is None
    assert "fast_gate.json cannot be read" in found.sentence


def test_what_is_shipped_can_be_read():
    from steering.artifacts import folders

    for name in folders.available():
        document = store.fast_gate(name)
        if document is not None:
            assert document["model"] == name
            assert len(document["trials"][-1]["divergence"]) == len(usual(store.load(name)))
            assert document["prompts"] == fast_gate.GATE_PROMPTS
