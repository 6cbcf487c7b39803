import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from steering.errors import SteeringError
from steering.intervals import standard_error
from steering.interventions.inlp import DEV_SPLITS, Inlp, inlp

D_MODEL = 24
PLACE = (-2, 5)
SIGNAL = {2: (1.0, 0.5), 7: (2.0, 2.0), 11: (4.0, 5.0)}
"""Planted classes: axis -> (distance of each class from 0, standard deviation along the axis)."""


def planted(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes that differ along three axes only, and in other units along each of them.

    As the noise differs, a classifier leans on the axes unequally, and removing its direction
    leaves a difference behind: three rounds are needed, not one.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = 3 * torch.randn(2, n, D_MODEL, generator=generator)
    for axis, (distance, deviation) in SIGNAL.items():
        noise[:, :, axis] *= deviation / 3
        noise[0, :, axis] += distance
        noise[1, :, axis] -= distance
    return noise[0], noise[1]


def share_inside(basis: torch.Tensor, axis: int) -> float:
    return float(basis[:, axis].norm())


def fresh_accuracy(basis: torch.Tensor) -> float:
    """Accuracy on unseen data of a new classifier, of data with `basis` projected out."""
    projector = torch.eye(D_MODEL).double() - basis.double().T @ basis.double()
    train, unseen = (
        np.concatenate([(each.double() @ projector).numpy() for each in planted(1000, seed)])
        for seed in (100, 101)
    )
    labels = np.repeat([1, 0], 1000)
    return float(LogisticRegression(max_iter=1000).fit(train, labels).score(unseen, labels))


def plain_loop(original, train, dev, rounds):
    """INLP as the papers say it: dense float64 projector, one classifier after another."""
    projector, found, accuracies = np.eye(D_MODEL), [], []
    for _ in range(rounds):
        parts = []
        for chosen in (train, dev):
            rows = np.vstack([each[chosen] @ projector for each in original]).astype(np.float32)
            parts.append((rows, np.array([True] * len(chosen) + [False] * len(chosen))))
        (rows, labels), (dev_rows, dev_labels) = parts
        classifier = LogisticRegression(C=0.1, fit_intercept=False, max_iter=1000)
        classifier.fit(rows, labels)
        found.append(classifier.coef_[0] / np.linalg.norm(classifier.coef_[0]))
        accuracies.append(float((classifier.predict(dev_rows) == dev_labels).mean()))
        orthonormal = np.linalg.qr(np.array(found, dtype=np.float64).T)[0]
        projector = np.eye(D_MODEL) - orthonormal @ orthonormal.T
    return np.array(found), np.array(accuracies)


def five_plain_loops(harmful, harmless, seed, rounds):
    """Return the directions and dev accuracies of the first split, and the accuracy over all."""
    size = len(harmful)
    order = np.random.default_rng(seed).permutation(size)
    split = int(0.8 * size)
    held_out = [order[split:], *np.array_split(order[:split], 4)]
    original = [harmful.double().numpy(), harmless.double().numpy()]
    loops = [
        plain_loop(original, np.setdiff1d(order, dev, assume_unique=True), dev, rounds)
        for dev in held_out
    ]
    weights = [len(dev) / size for dev in held_out]
    mean = sum(share * each for share, (_, each) in zip(weights, loops, strict=True))
    return loops[0][0], loops[0][1], mean


@pytest.mark.parametrize("seed", range(3))
def test_inlp_agrees_with_plain_loops_over_dense_projectors(seed):
    harmful, harmless = planted(100, seed)
    found = inlp(harmful, harmless, PLACE, seed=seed)
    rank = found.subspace.rank
    oracle, dev, mean = five_plain_loops(harmful, harmless, seed, rank + 1)
    assert list(found.dev_accuracies) == pytest.approx(dev[:rank])
    assert list(found.cross_validated) == pytest.approx(mean[:rank])
    assert rank >= 2
    cosines = (found.subspace.basis.double().numpy() * oracle[:rank]).sum(1)
    assert cosines.min() > 0.999  # of the same sign, too
    # One standard error of a guess on 200 prompts.
    above = mean > 0.5 + 0.5 / np.sqrt(200)
    assert above[:rank].all()
    assert not above[rank]


def test_the_first_directions_find_the_planted_subspace():
    found = inlp(*planted(2000), PLACE)
    for axis in SIGNAL:
        assert share_inside(found.subspace.leading(3).basis, axis) > 0.9
    assert min(share_inside(found.subspace.leading(2).basis, axis) for axis in SIGNAL) < 0.5
    others = [axis for axis in range(D_MODEL) if axis not in SIGNAL]
    assert max(share_inside(found.subspace.leading(3).basis, axis) for axis in others) < 0.3
    assert found.dev_accuracies[0] > 0.95


def test_no_classifier_tells_the_classes_apart_once_all_directions_are_gone():
    basis = inlp(*planted(400), PLACE).subspace.basis
    assert fresh_accuracy(basis[:0]) > 0.97
    assert fresh_accuracy(basis[:1]) > 0.65
    assert fresh_accuracy(basis) < 0.6


def test_the_directions_are_orthonormal_and_carry_their_point():
    found = inlp(*planted(60), PLACE)
    gram = found.subspace.basis.double() @ found.subspace.basis.double().T
    torch.testing.assert_close(gram, torch.eye(len(gram)).double(), atol=1e-6, rtol=0)
    assert (found.subspace.position, found.subspace.layer) == PLACE
    assert found.subspace.method == "INLP"


def test_harmful_states_lie_on_the_positive_side_of_the_first_direction():
    harmful, harmless = planted(100)
    first = inlp(harmful, harmless, PLACE).subspace.basis[0]
    assert (harmful @ first).mean() > 0 > (harmless @ first).mean()
    exchanged = inlp(harmless, harmful, PLACE).subspace.basis[0]
    torch.testing.assert_close(exchanged, -first, atol=1e-3, rtol=0)


def test_what_cannot_be_told_from_chance_is_no_direction():
    found = inlp(*planted(400), PLACE)
    error = standard_error(0.5, 800)
    assert min(found.cross_validated) > 0.5 + error
    assert found.subspace.rank == len(found.cross_validated) == len(found.dev_accuracies)
    assert "within one standard error of chance" in found.stopped
    more = inlp(*planted(400), PLACE, at_least=found.subspace.rank + 1)
    assert more.cross_validated[found.subspace.rank] <= 0.5 + error
    assert f"{more.cross_validated[found.subspace.rank]:.3f}" in found.stopped
    # What was found before stays as it is.
    again = more.subspace.leading(found.subspace.rank)
    torch.testing.assert_close(again.basis, found.subspace.basis)


@pytest.fixture
def scripted(monkeypatch):
    """Replace the classifiers by random directions with these accuracies, in every split."""

    def script(*accuracies: float, **options: int) -> Inlp:
        left = iter([each for each in accuracies for _ in range(DEV_SPLITS)])
        generator = torch.Generator().manual_seed(0)

        def classify(train, train_labels, dev, dev_labels):
            return torch.randn(D_MODEL, generator=generator).double(), next(left)

        monkeypatch.setattr("steering.interventions.inlp._classify", classify)
        return inlp(*planted(10), PLACE, max_iterations=len(accuracies), **options)

    return script


@pytest.mark.parametrize("accuracies", [(0.7, 0.7, 0.7, 0.7), (0.9, 0.62), (0.3, 0.9)])
def test_nothing_else_ends_it_before_the_limit(scripted, accuracies):
    found = scripted(*accuracies)
    assert found.dev_accuracies == accuracies
    assert found.cross_validated == pytest.approx(accuracies)
    assert f"limit of {len(accuracies)}" in found.stopped


def test_one_that_is_within_a_standard_error_of_chance_ends_it_but_for_the_first(scripted):
    # sqrt(.25 / 20) = .112
    assert scripted(0.9, 0.7, 0.61, 0.9).dev_accuracies == (0.9, 0.7)
    assert scripted(0.61, 0.61).dev_accuracies == (0.61,)
    assert scripted(0.9, 0.61, 0.7, 0.61, at_least=2).dev_accuracies == (0.9, 0.61, 0.7)


def test_there_are_never_more_directions_than_dimensions(scripted):
    found = scripted(*[0.8, 0.7] * D_MODEL)
    assert found.subspace.rank == D_MODEL
    assert f"limit of {D_MODEL}" in found.stopped


def test_the_larger_class_is_cut_to_the_smaller_one():
    harmful, harmless = planted(40)
    cut = inlp(harmful, harmless[:30], PLACE)
    torch.testing.assert_close(
        cut.subspace.basis, inlp(harmful[:30], harmless[:30], PLACE).subspace.basis
    )
    whole = inlp(harmful, harmless, PLACE)
    assert not torch.allclose(cut.subspace.basis[0], whole.subspace.basis[0])


def test_the_split_is_drawn_with_the_seed():
    first, again, other = (inlp(*planted(40), PLACE, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.subspace.basis, again.subspace.basis)
    assert not torch.allclose(first.subspace.basis[0], other.subspace.basis[0])


def test_the_dev_prompts_are_not_trained_on():
    """Pure noise, more dimensions than prompts: a classifier that saw the dev set would know it."""
    noise = torch.randn(2, 10, D_MODEL, generator=torch.Generator().manual_seed(3))
    found = [inlp(noise[0], noise[1], PLACE, seed=seed) for seed in range(30)]
    assert 0.3 < np.mean([each.dev_accuracies[0] for each in found]) < 0.7
    assert 0.3 < np.mean([each.cross_validated[0] for each in found]) < 0.7


def test_the_activations_are_left_untouched():
    harmful, harmless = planted(20)
    before = harmful.clone()
    inlp(harmful, harmless, PLACE)
    assert torch.equal(harmful, before)


@pytest.mark.parametrize("counts", [(4, 50), (50, 4), (0, 0)])
def test_too_few_prompts_are_named_in_the_error(counts):
    harmful, harmless = planted(50)
    inlp(harmful[:5], harmless[:5], PLACE)
    with pytest.raises(SteeringError, match=rf"{counts[0]} harmful and {counts[1]} harmless"):
        inlp(harmful[: counts[0]], harmless[: counts[1]], PLACE)
