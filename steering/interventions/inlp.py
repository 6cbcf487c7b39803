"""Iterative nullspace projection, INLP: directions that separate the classes, one after another.

Ravfogel et al. 2020, arXiv:2004.07667; used for refusal by Rocchetti & Ferrara 2026,
arXiv:2606.13720. Fit a linear classifier harmful/harmless, project its direction out of the
activations, repeat. The k-th direction is what still separates the classes once the k-1 before it
are gone.

When to stop is where this differs from the paper, which looks at one dev set of a fifth of the
prompts and stops below .55. On 78 prompts that is a matter of one prompt: other splits of the same
states of the default model stop after 7 to 12 directions. Here five splits run side by side, so
that every prompt is held out once, and a direction is kept while the cross-validated accuracy is
more than one standard error above chance. The directions are those of the first split, which is the
paper's 80/20 one.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from steering.errors import SteeringError
from steering.intervals import standard_error
from steering.interventions.outline import ExtractionPoint
from steering.interventions.stability import Stability
from steering.interventions.subspace import Subspace

INVERSE_L2 = 0.1
"""scikit-learn's C of the INLP classifiers (Rocchetti & Ferrara's setting)."""
DEV_SPLITS = 5
"""Splits that are run side by side: the dev set of each is a fifth, as the paper's is."""
CHANCE = 0.5
"""Accuracy of a guess, since both classes have the same size."""
MAX_ITERATIONS = 100
"""INLP ends after this many classifiers at the latest (same source)."""


@dataclass(frozen=True, eq=False)
class Inlp:
    """What INLP found at one point.

    Attributes:
        subspace: The classifiers' directions, orthonormalised in the order they were found.
        dev_accuracies: Accuracy of each direction's classifier on the held-out fifth of the first
            split, before the direction was removed.
        stopped: Why the iteration ended, as shown to the reader.
        means: Means of the prompts of each class that it was fitted on, harmful first, float32;
            None where they are not known.
        cross_validated: Accuracy of each direction over all five splits, every prompt held out
            once; empty where it is not known, as of earlier versions.
        stability: How alike directions come out on other prompts; None where that is not known.
    """

    subspace: Subspace
    dev_accuracies: tuple[float, ...]
    stopped: str
    means: Float[Tensor, "2 d_model"] | None = None
    cross_validated: tuple[float, ...] = ()
    stability: Stability | None = None


def class_means(
    harmful: Float[Tensor, "harmful d_model"], harmless: Float[Tensor, "harmless d_model"]
) -> Float[Tensor, "2 d_model"]:
    """Return the class means of the prompts that `inlp` fits on, harmful first, summed in float64.

    The larger class is cut to the smaller one, as `inlp` does it.
    """
    size = min(len(harmful), len(harmless))
    pair = [states[:size].double().mean(0) for states in (harmful, harmless)]
    return torch.stack(pair).float()


def inlp(
    harmful: Float[Tensor, "harmful d_model"],
    harmless: Float[Tensor, "harmless d_model"],
    point: ExtractionPoint,
    *,
    seed: int = 0,
    max_iterations: int = MAX_ITERATIONS,
    at_least: int = 1,
) -> Inlp:
    """Find the directions that separate the classes, one after another.

    Logistic regression without bias, centring or scaling; equal class sizes; five splits drawn with
    `seed`, prompt i of both classes always on the same side; the ORIGINAL activations are projected
    anew in every round.

    Args:
        harmful: Activations of harmful prompts, in the units of the residual stream.
        harmless: Activations of harmless prompts; the larger class is cut to the smaller one.
        point: (position, layer) the activations come from; recorded in the subspace.
        seed: Of the splits.
        max_iterations: At most this many directions, and never more than d_model.
        at_least: Directions that are kept however little they tell the classes apart.

    Raises:
        SteeringError: With fewer than 5 prompts a class, which leaves no dev set.
    """
    size = min(len(harmful), len(harmless))
    if size < DEV_SPLITS:
        raise SteeringError(
            f"INLP needs at least 5 prompts of each class for its train/dev split, got "
            f"{len(harmful)} harmful and {len(harmless)} harmless; give longer prompt files"
        )
    states = torch.stack([harmful[:size].float(), harmless[:size].float()])
    folds = [_Fold(states, train, dev) for train, dev in held_out_splits(size, seed)]
    accuracies: list[tuple[float, float]] = []
    limit = min(max_iterations, states.shape[-1])
    stopped = f"the limit of {limit} directions was reached"
    for _ in range(limit):
        found = [fold.advance() for fold in folds]
        if found[0] is None:
            stopped = "nothing is left that separates the classes"
            break
        # A split in which nothing is left guesses.
        right = sum(
            len(fold.dev) * (CHANCE if one is None else one)
            for fold, one in zip(folds, found, strict=True)
        )
        accuracy = right / size
        if len(accuracies) >= at_least and not is_above_chance(accuracy, 2 * size):
            stopped = (
                f"the next one has a cross-validated accuracy of {accuracy:.3f} on {2 * size} "
                "prompts, within one standard error of chance"
            )
            break
        accuracies.append((found[0], accuracy))
    if not accuracies:
        raise SteeringError(
            f"INLP found no direction at position {point[0]}, layer {point[1]}: the activations "
            "of both classes are equal there; choose a later layer"
        )
    basis = folds[0].basis[: len(accuracies)]
    return Inlp(
        Subspace.spanned_by(basis, layer=point[1], position=point[0], method="INLP"),
        tuple(dev for dev, _ in accuracies),
        stopped,
        class_means(harmful, harmless),
        tuple(accuracy for _, accuracy in accuracies),
    )


def is_above_chance(accuracy: float, n: int) -> bool:
    """Say whether an accuracy on n prompts is more than one standard error above a guess's."""
    return accuracy > CHANCE + standard_error(CHANCE, n)


class _Fold:
    """INLP on one split: the directions so far, and what it sees without them."""

    def __init__(
        self,
        states: Float[Tensor, "2 prompts d_model"],
        train: NDArray[np.int64],
        dev: NDArray[np.int64],
    ) -> None:
        self.train, self.dev = train, dev
        self.basis = torch.zeros(0, states.shape[-1], dtype=torch.float64)
        self._states = states

    def advance(self) -> float | None:
        """Find one more direction and return its dev accuracy; None where nothing is left."""
        states, basis, labels = self._states.double(), self.basis, np.array([1, 0])
        projected = (states - (states @ basis.T) @ basis).float()
        weights, accuracy = _classify(
            _rows(projected[:, self.train]),
            labels.repeat(len(self.train)),
            _rows(projected[:, self.dev]),
            labels.repeat(len(self.dev)),
        )
        # The weights lie in the span of the projected rows; what leaks out is rounding.
        weights = weights - (weights @ basis.T) @ basis
        weights = weights - (weights @ basis.T) @ basis
        norm = weights.norm()
        if not norm > 1e-9:
            return None
        self.basis = torch.cat([basis, (weights / norm)[None]])
        return accuracy


def held_out_splits(size: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return training and dev prompts of each of five splits; every prompt is in one dev set.

    Args:
        size: Prompts of a class; prompt i of both is on the same side.
        seed: Of the order in which they are dealt out.
    """
    order = np.random.default_rng(seed).permutation(size)
    n_train = int(0.8 * size)
    parts = [order[n_train:], *np.array_split(order[:n_train], DEV_SPLITS - 1)]
    return [
        (np.concatenate([part for other, part in enumerate(parts) if other != held_out]), dev)
        if held_out
        else (order[:n_train], dev)
        for held_out, dev in enumerate(parts)
    ]


def _rows(states: Float[Tensor, "2 prompts d_model"]) -> NDArray[np.float32]:
    stacked: NDArray[np.float32] = states.flatten(0, 1).numpy()
    return stacked


def _classify(
    train: NDArray[np.float32],
    train_labels: NDArray[Any],
    dev: NDArray[np.float32],
    dev_labels: NDArray[Any],
) -> tuple[Float[Tensor, " d_model"], float]:
    """Return the classifier's weights, harmful side positive, in float64, and its dev accuracy."""
    classifier = LogisticRegression(
        C=INVERSE_L2, fit_intercept=False, solver="lbfgs", max_iter=1000, tol=1e-4
    )
    with warnings.catch_warnings():
        # A direction from an unfinished fit is still a valid INLP direction; its dev accuracy,
        # which is recorded, says what it is worth.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(train, train_labels)
    weights = torch.from_numpy(classifier.coef_[0].astype(np.float64))
    return weights, float(classifier.score(dev, dev_labels))
