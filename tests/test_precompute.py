import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steering import precompute
from steering.artifacts import folders, recordings, store
from steering.artifacts.recordings import recorded_panels
from steering.data import prompts as prompt_sets
from steering.data.splits import PromptSplits
from steering.evaluation import answers
from steering.fitting import candidates, fitted_on, opener_search
from steering.fitting.scoring import right_sign
from steering.inference import activations
from steering.inference.activations import capture
from steering.inference.generation import Sampling
from steering.inference.metrics import refusal_score
from steering.inference.next_token import logits_under
from steering.interventions.directions import Directions, difference_in_means
from steering.interventions.inlp import inlp
from steering.interventions.openers import opened
from steering.interventions.panel import parse
from steering.library import compare
from steering.models import loading
from steering.sources import catalog, weights
from steering.sweep import cells
from tests.helpers.short_precompute import few_splits, make_short

FILES = (
    "directions.safetensors",
    "manifest.json",
    "controls.safetensors",
    "maps.safetensors",
    "evaluation.json",
    "reproduce.json",
    "sweep.csv",
    "sweep.json",
    "recordings.jsonl",
)
REPEATABLE = FILES[:-1]
"""Recordings hold seconds, which no two runs share."""


@pytest.fixture(autouse=True)
def few(monkeypatch, request, tmp_path) -> None:
    """Short answers and few choices, in a work folder of the test's own."""
    if not request.node.get_closest_marker("model"):
        make_short(monkeypatch, tmp_path / "cache")


@pytest.fixture(scope="module")
def splits() -> PromptSplits:
    return few_splits()


@dataclass(frozen=True)
class Run:
    """A run that nothing interrupted: what it returned, its artifact and its work folder."""

    made: Directions
    out: Path
    cache: Path


@pytest.fixture(scope="module")
def whole(tiny, splits, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        make_short(patch, folder / "cache")
        made = precompute.precompute(tiny, splits, folder / "out")
    return Run(made, folder / "out", folder / "cache")


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


# The whole run


def test_everything_the_app_needs_is_written_and_loads_again(tiny, splits, whole):
    made, out = whole.made, whole.out
    assert sorted(files_of(out)) == sorted(FILES)

    found = store.load(tiny.name, out)
    assert torch.equal(found.difference, made.difference)
    assert found.positions == tuple(range(-len(tiny.suffix), 0))
    assert {layer for _, layer in found.inlp} == {1, 2}
    document = store.manifest(tiny.name, out)
    assert document["prompts"] == splits.source
    assert document["train"] == {"harmful": 10, "harmless": 10}
    assert all(1 <= n <= 10 for n in document["train_kept"].values())
    assert len(document["dim_screening"]) == len(found.inlp)
    chosen = document["dim_choice"]
    assert (chosen["position"], chosen["layer"]) == found.dim_point
    assert set(document["k_answered"]) <= {"1", "2"}
    assert set(document["c_refused"]) == {"1", "2"}

    table = store.evaluation(tiny.name, out)
    assert table is not None
    assert table["sampling"]["max_new_tokens"] == 2
    assert table["panels"][0]["panel"] == "baseline"
    assert all(entry["harmful"]["n"] == 2 for entry in table["panels"])
    assert "borderline" in table["panels"][0]

    (recording,) = store.recordings(tiny.name, out)
    assert recording["panels"] == [str(panel) for panel in recorded_panels(found)]
    assert recording["label"] == "harmless"
    assert [answer["finished"] for answer in recording["answers"]] == [True] * len(
        recording["panels"]
    )
    assert recording["prompt"] in [p.text for p in prompt_sets.prompt_set("harmless", "test")]


def test_the_directions_are_those_of_the_training_prompts(tiny, splits, whole):
    position, layer = place = whole.made.inlp_point
    states = {
        name: capture(
            tiny, [tiny.render(text) for text in texts], layers=[layer], positions=[position]
        )[:, 0, 0]
        for name, texts in splits.train.items()
    }
    found = inlp(states["harmful"], states["harmless"], place)
    # Rounding differs with the batch; the first direction does not hang on it.
    first = whole.made.inlp[place].subspace.basis[0]
    assert float(found.subspace.basis[0] @ first) == pytest.approx(1.0, abs=1e-3)


STOPS = (
    (opener_search, "answered", 1),
    (activations, "capture", 2),
    (candidates, "logits_under", 1),
    (candidates, "inlp", 4),
    (answers, "refusal_score", 2),
    (cells, "write_all", 1),
    (cells, "answered", 1),
    (recordings, "compare", 1),
)
"""What is running when a run is stopped, in the order of the run, and the how-many-th of it."""


def test_a_run_that_was_stopped_at_every_stage_gives_the_same_bytes(tiny, splits, whole, tmp_path):
    out = tmp_path / "out"
    for module, stage, call in STOPS:
        real, calls = getattr(module, stage), []

        def interrupted(*arguments, calls=calls, call=call, real=real, **settings):
            calls.append(1)
            if len(calls) == call:
                raise KeyboardInterrupt
            return real(*arguments, **settings)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, stage, interrupted)
            with pytest.raises(KeyboardInterrupt):
                precompute.precompute(tiny, splits, out)
        assert not out.exists()  # half a result would mix with the rest of an older one

    precompute.precompute(tiny, splits, out)
    found, expected = files_of(out), files_of(whole.out)
    assert found.keys() == expected.keys()
    for name in REPEATABLE:
        assert found[name] == expected[name], name


def test_a_finished_run_is_not_done_again(tiny, splits, whole, tmp_path, monkeypatch):
    shutil.copytree(whole.cache, tmp_path / "cache")

    def never(*_, **__):
        raise AssertionError("done twice")

    for module, stage in ((activations, "capture"), (candidates, "inlp"), (answers, "answered")):
        monkeypatch.setattr(module, stage, never)
    monkeypatch.setattr(recordings, "compare", never)
    precompute.precompute(tiny, splits, tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(whole.out)


def test_other_prompts_are_other_work(tiny, splits, whole, tmp_path, monkeypatch):
    shutil.copytree(whole.cache, tmp_path / "cache")

    def begun(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(activations, "capture", begun)
    with pytest.raises(KeyboardInterrupt):
        precompute.precompute(tiny, replace(splits, source="other prompts"), tmp_path / "out")


# The shipped directions, on the real model


def states_at(model, texts, place) -> torch.Tensor:
    rows = [model.render(text) for text in texts]
    return capture(model, rows, layers=[place[1]], positions=[place[0]])[:, 0, 0]


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one.double(), other.double(), dim=0))


@pytest.mark.model
def test_the_shipped_difference_separates_prompts_it_was_not_fitted_on(real):
    model, directions = real
    unit = directions.subspace("dim", directions.dim_point).basis[0]
    validation = PromptSplits.own().validation
    harmful, harmless = (
        (states_at(model, validation[name][:16], directions.dim_point) @ unit).numpy()
        for name in ("harmful", "harmless")
    )
    # Area under the ROC curve: how often a harmful prompt lies further along than a harmless one.
    # Chance is .5; .82 was measured (n = 16 + 16), so .7 is two errors above chance.
    assert np.mean(harmful[:, None] > harmless[None]) >= 0.7


@pytest.mark.model
@pytest.mark.parametrize("name", folders.available())
def test_the_shipped_directions_are_found_again_from_all_training_prompts(name, request):
    if name == catalog.DEFAULT_MODEL:
        model, directions = request.getfixturevalue("real")
    else:
        weights.fetch(name)
        model, directions = loading.load(name, dtype="float32"), store.load(name)
    model, place = opened(model, directions.openers), directions.inlp_point
    train, document = PromptSplits.own().train, store.manifest(name)
    states = {label: states_at(model, texts, place) for label, texts in train.items()}
    scores = {
        label: refusal_score(
            logits_under(model, [model.render(text) for text in texts], None, batch_size=16),
            model.opener_ids,
        )
        for label, texts in train.items()
    }
    if directions.inlp_classes == directions.dim_classes:
        chosen = fitted_on.definitions(scores)[directions.inlp_classes]
        of_inlp = of_dim = {"harmful": chosen.harmful, "harmless": chosen.harmless}
    else:  # earlier artifacts
        of_inlp = {label: torch.arange(len(train[label])) for label in train}
        signs = {"harmful": 1, "harmless": -1}
        of_dim = {label: right_sign(scores[label], sign) for label, sign in signs.items()}

    found = inlp(*(states[label][of_inlp[label]] for label in ("harmful", "harmless")), place)
    shipped = directions.inlp[place]
    assert cosine(found.subspace.basis[0], shipped.subspace.basis[0]) >= 0.95
    assert found.dev_accuracies[0] == pytest.approx(shipped.dev_accuracies[0], abs=0.05)

    kept = {label: states[label][of_dim[label]] for label in train}
    for label, counted in document["train_kept"].items():
        # A score next to zero may change its sign in another batch.
        assert len(kept[label]) == pytest.approx(counted, abs=5)
    difference = difference_in_means(kept["harmful"], kept["harmless"])
    expected = directions.raw(place)
    assert cosine(difference, expected) >= 0.99
    assert float(difference.norm() / expected.norm()) == pytest.approx(1.0, abs=0.05)
    mean = directions.midpoint("dim", place) - expected / 2
    assert cosine(kept["harmless"].mean(0), mean) >= 0.99


@pytest.mark.model
def test_an_edit_of_strength_0_gives_the_default_models_own_answer(real):
    model, directions = real
    prompt = prompt_sets.prompt_set("harmful", "test")[0].text
    panels = [parse(text) for text in ("baseline", "flip:alpha=0", "flip")]
    *_, (baseline, nothing, flipped) = compare(
        model, directions, prompt, panels, sampling=Sampling(max_new_tokens=16)
    )
    assert baseline.text
    assert nothing.text == baseline.text
    assert nothing.kl == 0.0
    assert flipped.kl > 0.0
