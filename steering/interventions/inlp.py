"""Iterative nullspace projection, INLP: directions that separate the classes, one after another.

Ravfogel et al. 2020, arXiv:2004.07667; used for refusal by Rocchetti & Ferrara 2026,
arXiv:2606.13720. Fit a linear classifier harmful/harmless, project its direction out of the
activations, repeat. The k-th direction is what still separates the classes once the k-1 before it
are gone.
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
from steering.interventions.outline import ExtractionPoint
from steering.interventions.subspace import Subspace

INVERSE_L2 = 0.1
"""scikit-learn's C of the INLP classifiers (Rocchetti & Ferrara's setting)."""
STOP_ACCURACY = 0.55
"""INLP ends after the first classifier whose dev accuracy is below this (same source)."""
MAX_ITERATIONS = 100
"""INLP ends after this many classifiers at the latest (same source)."""


@dataclass(frozen=True, eq=False)
class Inlp:
    """What INLP found at one point.

    Attributes:
        subspace: The classifiers' directions, orthonormalised in the order they were found.
        dev_accuracies: Accuracy of each classifier on the held-out fifth, before its direction
            was removed; the failing last classifier is included.
        stopped: Why the iteration ended, as shown to the reader.
        means: Means of the prompts of each class that it was fitted on, harmful first, float32;
            None where they are not known.
    """

    subspace: Subspace
    dev_accuracies: tuple[float, ...]
    stopped: str
    means: Float[Tensor, "2 d_model"] | None = None


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
) -> Inlp:
    """Find the directions that separate the classes, one after another.

    Logistic regression without bias, centring or scaling; equal class sizes; a stratified 80/20
    train/dev split drawn with `seed`; the ORIGINAL activations are projected anew in every round.

    Args:
        harmful: Activations of harmful prompts, in the units of the residual stream.
        harmless: Activations of harmless prompts; the larger class is cut to the smaller one.
        point: (position, layer) the activations come from; recorded in the subspace.
        seed: Of the train/dev split.
        max_iterations: At most this many directions, and never more than d_model.

    Raises:
        SteeringError: With fewer than 5 prompts a class, which leaves no dev set.
    """
    size = min(len(harmful), len(harmless))
    if size < 5:
        raise SteeringError(
            f"INLP needs at least 5 prompts of each class for its train/dev split, got "
            f"{len(harmful)} harmful and {len(harmless)} harmless; give longer prompt files"
        )
    train, dev = _split(size, seed)
    states = torch.stack([harmful[:size].float(), harmless[:size].float()])
    labels = np.array([1, 0])
    basis = torch.zeros(0, states.shape[-1], dtype=torch.float64)
    accuracies: list[float] = []
    limit = min(max_iterations, states.shape[-1])
    stopped = f"the limit of {limit} directions was reached"
    for _ in range(limit):
        projected = (states.double() - (states.double() @ basis.T) @ basis).float()
        weights, accuracy = _classify(
            _rows(projected[:, train]),
            labels.repeat(len(train)),
            _rows(projected[:, dev]),
            labels.repeat(len(dev)),
        )
        # The weights lie in the span of the projected rows; what leaks out is rounding.
        weights = weights - (weights @ basis.T) @ basis
        weights = weights - (weights @ basis.T) @ basis
        norm = weights.norm()
        if not norm > 1e-9:
            stopped = "nothing is left that separates the classes"
            break
        basis = torch.cat([basis, (weights / norm)[None]])
        accuracies.append(accuracy)
        reason = _why_stop(accuracies)
        if reason:
            stopped = reason
            break
    if not accuracies:
        raise SteeringError(
            f"INLP found no direction at position {point[0]}, layer {point[1]}: the activations "
            "of both classes are equal there; choose a later layer"
        )
    subspace = Subspace.spanned_by(basis, layer=point[1], position=point[0], method="INLP")
    return Inlp(subspace, tuple(accuracies), stopped, class_means(harmful, harmless))


def _split(size: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(size)
    n_train = int(0.8 * size)
    return order[:n_train], order[n_train:]


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


def _why_stop(accuracies: list[float]) -> str | None:
    if accuracies[-1] < STOP_ACCURACY:
        return f"dev accuracy {accuracies[-1]:.3f} fell below {STOP_ACCURACY}"
    if len(accuracies) >= 3 and len(set(accuracies[-3:])) == 1:
        return f"three dev accuracies in a row were {accuracies[-1]:.3f}"
    return None
