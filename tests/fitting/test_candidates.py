from dataclasses import replace

import pytest
import torch

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.fitting import candidates, other_splits
from steering.fitting.candidates import (
    fit_directions,
    fit_maps_of,
    with_stability,
)
from steering.inference.activations import capture_sets
from steering.interventions.directions import difference_in_means
from steering.interventions.inlp import inlp
from steering.interventions.outline import Start
from steering.interventions.stability import Stability

POINTS = [(-2, 1), (-1, 3)]


@pytest.fixture
def splits(prompts) -> PromptSplits:
    return PromptSplits({name: texts[:12] for name, texts in prompts.items()}, {}, {}, "made up")


@pytest.fixture
def stages(monkeypatch, tmp_path) -> Stages:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(candidates, "candidates", lambda *_: POINTS)
    return Stages(["candidates"])


def test_both_methods_are_fitted_on_the_same_prompts_by_each_definition(
    tiny, splits, stages, monkeypatch
):
    found = fit_directions(tiny, splits, stages, batch_size=4)
    fitted = found.directions
    states = capture_sets(
        tiny, splits.train, layers=range(tiny.n_layers), positions=fitted.positions
    )
    assert fitted.dim_classes == fitted.inlp_classes == "label"
    assert found.facts["train_kept"] == {"harmful": 12, "harmless": 12}
    check_fit(fitted, states, found.prompts["label"])

    def never(*_, **__):
        raise AssertionError("fitted again")

    for name in ("capture_sets", "logits_under", "inlp"):
        monkeypatch.setattr(candidates, name, never)
    again = fit_directions(tiny, splits, stages, batch_size=4).directions
    assert again.digest == fitted.digest


def check_fit(fitted, states, prompts):
    """Compare with the definition: means and INLP of exactly these prompts."""
    pairs = {"harmful": prompts.harmful, "harmless": prompts.harmless}
    chosen = {name: states[name][kept] for name, kept in pairs.items()}
    expected = difference_in_means(chosen["harmful"], chosen["harmless"])
    torch.testing.assert_close(fitted.difference, expected, atol=1e-4, rtol=1e-3)
    assert list(fitted.inlp) == POINTS
    for position, layer in POINTS:
        index = fitted.positions.index(position)
        pair = [chosen[name][:, index, layer] for name in ("harmful", "harmless")]
        first = inlp(*pair, (position, layer)).subspace.basis[0]
        cosine = first @ fitted.inlp[position, layer].subspace.basis[0]
        assert float(cosine) == pytest.approx(1, abs=1e-3)
        means = torch.stack([each.double().mean(0) for each in pair]).float()
        torch.testing.assert_close(fitted.inlp[position, layer].means, means, atol=1e-4, rtol=1e-3)
        middle = fitted.midpoint("dim", (position, layer))
        torch.testing.assert_close(middle, means.mean(0), atol=1e-4, rtol=1e-3)


REFUSED = torch.tensor([1.0] * 9 + [-1.0] * 3)
ANSWERED = torch.tensor([1.0] * 2 + [-1.0] * 10)


@pytest.fixture
def by_both(tiny, splits, stages, monkeypatch):
    """A fit of a model that refuses 9 harmful requests and answers 10 harmless ones."""
    scores = {"harmful": REFUSED, "harmless": ANSWERED}
    monkeypatch.setattr(candidates, "train_scores", lambda *_: scores)
    return lambda classes: fit_directions(tiny, splits, stages, batch_size=4, classes=classes)


def test_what_the_model_refuses_and_answers_is_fitted_beside_the_labels(tiny, splits, by_both):
    by_label, by_behaviour = by_both("auto"), by_both("behaviour")
    assert by_label.directions.inlp_classes == "label"  # 9 prompts are not 40
    assert by_behaviour.directions.inlp_classes == "behaviour"
    assert by_behaviour.facts == {
        "train_kept": {"harmful": 9, "harmless": 9},
        "train_classes": {"label": 12, "behaviour": 9},
    }
    one, other = by_label.directions, by_behaviour.directions
    assert torch.equal(one.of("behaviour").difference, other.difference)
    assert torch.equal(other.of("label").difference, one.difference)
    assert not torch.allclose(one.difference, other.difference, atol=1e-4)
    states = capture_sets(tiny, splits.train, layers=range(tiny.n_layers), positions=one.positions)
    check_fit(one.of("behaviour"), states, by_label.prompts["behaviour"])
    check_fit(one.of("label"), states, by_label.prompts["label"])


def test_stability_is_found_for_the_prompts_of_each_definition(by_both, stages, monkeypatch):
    fitted = by_both("auto")
    sizes = []

    def told(harmful, harmless, *_):
        sizes.append((len(harmful), len(harmless)))
        return Stability((len(harmful),), (0.5,))

    monkeypatch.setattr(other_splits, "stability", told)
    found = with_stability(fitted.directions, fitted, stages)
    assert sizes == [(12, 12), (9, 9)]
    own = found.inlp_point
    assert found.stabilities == {own: Stability((12,), (0.5,))}
    assert found.of("behaviour").stabilities == {own: Stability((9,), (0.5,))}


def test_how_alike_the_chosen_directions_come_out_is_found_once_and_kept(
    tiny, splits, stages, monkeypatch
):
    whole = fit_directions(tiny, splits, stages, batch_size=4)
    fitted = whole.directions
    assert fitted.stabilities == {}
    fitted = replace(fitted, nullspace=Start((-1, 3), 1))
    found = with_stability(fitted, whole, stages)
    states = stages.tensors("activations", dict)
    assert found.inlp_point == (-2, 1)
    expected = {}
    for point in ((-2, 1), (-1, 3)):  # flipping's and nullspace projection's
        index = fitted.positions.index(point[0])
        pair = [states[name][:, index, point[1]] for name in ("harmful", "harmless")]
        expected[point] = other_splits.stability(*pair, point, fitted.inlp[point])
    assert found.stabilities == {point: each for point, each in expected.items() if each}
    assert found.stabilities
    assert found.digest == fitted.digest  # no edit hangs on it

    def never(*_, **__):
        raise AssertionError("run again")

    monkeypatch.setattr(other_splits, "stability", never)
    assert with_stability(fitted, whole, stages).stabilities == found.stabilities


def test_maps_are_refused_where_no_directions_were_fitted(tiny, fitted, splits, stages):
    with pytest.raises(AssertionError, match="before the directions were fitted"):
        fit_maps_of(tiny, fitted, splits, stages, 4)


def test_a_killed_fit_goes_on_with_the_bases_that_it_kept_as_tensors(
    tiny, splits, stages, monkeypatch, tmp_path
):
    whole = fit_directions(tiny, splits, stages, batch_size=4).directions
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "another"))
    other = Stages(["candidates"])
    done = []

    def killed(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return inlp(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "inlp", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_directions(tiny, splits, other, batch_size=4)
    (kept,) = other.folder.glob("INLP basis*.safetensors")
    lines = next(other.folder.glob("INLP*.jsonl")).read_text()
    assert lines.count("\n") == 1
    assert "basis" not in lines
    fitted = []

    def counted(*arguments):
        fitted.append(arguments[2])
        return inlp(*arguments)

    monkeypatch.setattr(candidates, "inlp", counted)
    again = fit_directions(tiny, splits, other, batch_size=4).directions
    assert fitted == POINTS[1:]
    assert again.digest == whole.digest
    # A basis that was lost is found again.
    kept.unlink()
    assert fit_directions(tiny, splits, other, batch_size=4).directions.digest == whole.digest
