import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from steering.errors import SteeringError
from steering.interventions.inlp import STOP_ACCURACY, Inlp, inlp

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


def inlp_by_a_plain_loop(harmful, harmless, seed):
    """INLP as the papers say it: dense float64 projector, one classifier after another."""
    size = min(len(harmful), len(harmless))
    order = np.random.default_rng(seed).permutation(size)
    split = int(0.8 * size)
    original = [harmful[:size].double().numpy(), harmless[:size].double().numpy()]
    projector, found, accuracies = np.eye(D_MODEL), [], []
    while True:
        parts = []
        for chosen in (order[:split], order[split:]):
            rows = np.vstack([each[chosen] @ projector for each in original]).astype(np.float32)
            parts.append((rows, np.array([True] * len(chosen) + [False] * len(chosen))))
        (train, train_labels), (dev, dev_labels) = parts
        classifier = LogisticRegression(C=0.1, fit_intercept=False, max_iter=1000)
        classifier.fit(train, train_labels)
        found.append(classifier.coef_[0] / np.linalg.norm(classifier.coef_[0]))
        accuracies.append(float((classifier.predict(dev) == dev_labels).mean()))
        orthonormal = np.linalg.qr(np.array(found, dtype=np.float64).T)[0]
        projector = np.eye(D_MODEL) - orthonormal @ orthonormal.T
        if accuracies[-1] < 0.55 or (len(accuracies) > 2 and len(set(accuracies[-3:])) == 1):
            return np.array(found), accuracies


@pytest.mark.parametrize("seed", range(4))
def test_inlp_agrees_with_a_plain_loop_over_dense_projectors(seed):
    harmful, harmless = planted(100, seed)
    found = inlp(harmful, harmless, PLACE, seed=seed)
    oracle, accuracies = inlp_by_a_plain_loop(harmful, harmless, seed)
    assert list(found.dev_accuracies) == pytest.approx(accuracies)
    assert len(accuracies) >= 3
    cosines = (found.subspace.basis.double().numpy() * oracle).sum(1)
    assert cosines.min() > 0.999  # of the same sign, too


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


def test_the_failing_last_classifier_is_kept():
    found = inlp(*planted(400), PLACE)
    assert found.dev_accuracies[-1] < STOP_ACCURACY
    assert min(found.dev_accuracies[:-1]) >= STOP_ACCURACY
    assert found.subspace.rank == len(found.dev_accuracies)
    assert f"{found.dev_accuracies[-1]:.3f}" in found.stopped


@pytest.fixture
def scripted(monkeypatch):
    """Replace the classifiers by random directions with these dev accuracies."""

    def script(*accuracies: float) -> Inlp:
        left = iter(accuracies)
        generator = torch.Generator().manual_seed(0)

        def classify(train, train_labels, dev, dev_labels):
            return torch.randn(D_MODEL, generator=generator).double(), next(left)

        monkeypatch.setattr("steering.interventions.inlp._classify", classify)
        return inlp(*planted(10), PLACE, max_iterations=len(accuracies))

    return script


def test_three_equal_dev_accuracies_in_a_row_end_it(scripted):
    found = scripted(0.9, 0.7, 0.7, 0.7, 0.9)
    assert found.dev_accuracies == (0.9, 0.7, 0.7, 0.7)
    assert found.subspace.rank == 4
    assert "three" in found.stopped


@pytest.mark.parametrize("accuracies", [(0.7, 0.7, 0.8, 0.7), (0.9, 0.9), (0.55, 0.56, 0.55)])
def test_nothing_else_ends_it_before_the_limit(scripted, accuracies):
    found = scripted(*accuracies)
    assert found.dev_accuracies == accuracies
    assert f"limit of {len(accuracies)}" in found.stopped


def test_an_accuracy_below_the_threshold_ends_it_at_once(scripted):
    assert scripted(0.549, 0.9).dev_accuracies == (0.549,)


def test_there_are_never_more_directions_than_dimensions(scripted):
    found = scripted(*[0.6, 0.7] * D_MODEL)
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
    accuracies = [
        inlp(noise[0], noise[1], PLACE, seed=seed).dev_accuracies[0] for seed in range(30)
    ]
    assert 0.3 < np.mean(accuracies) < 0.7


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
