import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.fitting import candidates, other_splits
from steering.fitting.candidates import (
    fit_directions,
    fit_maps_of,
    key_of,
    point_of,
    train_scores,
    with_stability,
)
from steering.inference.activations import capture_sets
from steering.interventions.directions import difference_in_means
from steering.interventions.inlp import inlp

POINTS = [(-2, 1), (-1, 3)]


@pytest.fixture
def splits(prompts) -> PromptSplits:
    return PromptSplits({name: texts[:12] for name, texts in prompts.items()}, {}, {}, "made up")


@pytest.fixture
def stages(monkeypatch, tmp_path) -> Stages:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(candidates, "candidates", lambda *_: POINTS)
    return Stages(["candidates"])


@given(st.integers(-99, -1), st.integers(0, 200))
def test_a_point_comes_back_from_its_key(position, layer):
    assert point_of(key_of((position, layer))) == (position, layer)


def test_what_is_fitted_is_that_of_the_captured_states_and_kept(tiny, splits, stages, monkeypatch):
    fitted, kept = fit_directions(tiny, splits, stages, batch_size=4)
    states = capture_sets(
        tiny, splits.train, layers=range(tiny.n_layers), positions=fitted.positions
    )
    scores = train_scores(tiny, splits, stages, batch_size=1)
    chosen = {
        name: found[scores[name] > 0 if name == "harmful" else scores[name] < 0]
        for name, found in states.items()
    }
    # With too few of the right sign a class keeps all its prompts.
    chosen = {name: each if len(each) >= 8 else states[name] for name, each in chosen.items()}
    assert kept == {name: len(each) for name, each in chosen.items()}
    expected = difference_in_means(chosen["harmful"], chosen["harmless"])
    torch.testing.assert_close(fitted.difference, expected, atol=1e-4, rtol=1e-3)
    assert list(fitted.inlp) == POINTS
    for position, layer in POINTS:
        index = fitted.positions.index(position)
        pair = [states[name][:, index, layer] for name in ("harmful", "harmless")]
        first = inlp(*pair, (position, layer)).subspace.basis[0]
        cosine = first @ fitted.inlp[position, layer].subspace.basis[0]
        assert float(cosine) == pytest.approx(1, abs=1e-3)
        means = torch.stack([each.double().mean(0) for each in pair]).float()
        torch.testing.assert_close(fitted.inlp[position, layer].means, means, atol=1e-4, rtol=1e-3)

    def never(*_, **__):
        raise AssertionError("fitted again")

    for name in ("capture_sets", "logits_under", "inlp"):
        monkeypatch.setattr(candidates, name, never)
    again, _ = fit_directions(tiny, splits, stages, batch_size=4)
    assert again.digest == fitted.digest


def test_how_alike_the_chosen_directions_come_out_is_found_once_and_kept(
    tiny, splits, stages, monkeypatch
):
    fitted, _ = fit_directions(tiny, splits, stages, batch_size=4)
    assert fitted.stability is None
    found = with_stability(fitted, stages)
    states = stages.tensors("activations", dict)
    pair = [states[name][:, fitted.positions.index(-2), 1] for name in ("harmful", "harmless")]
    assert found.inlp_point == (-2, 1)
    assert found.stability == other_splits.stability(*pair, (-2, 1), fitted.inlp[-2, 1])
    assert found.inlp[-1, 3].stability is None
    assert found.digest == fitted.digest  # no edit hangs on it

    def never(*_, **__):
        raise AssertionError("run again")

    monkeypatch.setattr(other_splits, "stability", never)
    assert with_stability(fitted, stages).stability == found.stability


def test_maps_are_refused_where_no_directions_were_fitted(tiny, fitted, splits, stages):
    with pytest.raises(AssertionError, match="before the directions were fitted"):
        fit_maps_of(tiny, fitted, splits, stages, 4)


def test_a_killed_fit_goes_on_with_the_bases_that_it_kept_as_tensors(
    tiny, splits, stages, monkeypatch, tmp_path
):
    whole, _ = fit_directions(tiny, splits, stages, batch_size=4)
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
    again, _ = fit_directions(tiny, splits, other, batch_size=4)
    assert fitted == POINTS[1:]
    assert again.digest == whole.digest
    # A basis that was lost is found again.
    kept.unlink()
    assert fit_directions(tiny, splits, other, batch_size=4)[0].digest == whole.digest
