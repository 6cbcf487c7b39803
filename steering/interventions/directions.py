"""The directions that carry refusal: difference in means, and iterative nullspace projection.

Difference in means (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3), at position p and layer l:

    r = mean over harmful prompts of h  -  mean over harmless prompts of h

Iterative nullspace projection, INLP (Ravfogel et al. 2020, arXiv:2004.07667; used for refusal by
Rocchetti & Ferrara 2026, arXiv:2606.13720): fit a linear classifier harmful/harmless, project its
direction out of the activations, repeat. The k-th direction is what still separates the classes
once the k-1 before it are gone.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from steering.chat_templates.rendering import PLAIN, Rendering
from steering.errors import SteeringError
from steering.interventions import missing_parts
from steering.interventions.outline import ExtractionPoint as ExtractionPoint
from steering.interventions.outline import require_inlp, require_point
from steering.interventions.subspace import Subspace

INVERSE_L2 = 0.1
"""scikit-learn's C of the INLP classifiers (Rocchetti & Ferrara's setting)."""
STOP_ACCURACY = 0.55
"""INLP ends after the first classifier whose dev accuracy is below this (same source)."""
MAX_ITERATIONS = 100
"""INLP ends after this many classifiers at the latest (same source)."""


def difference_in_means(
    harmful: Float[Tensor, "harmful *point d_model"],
    harmless: Float[Tensor, "harmless *point d_model"],
) -> Float[Tensor, "*point d_model"]:
    """Return mean(harmful) - mean(harmless) at every point, raw norm, summed in float64.

    At the first block's input the template tokens are the same for every prompt, so the
    difference is exactly zero there and has no direction: check before normalising.
    """
    return (harmful.double().mean(0) - harmless.double().mean(0)).float()


@dataclass(frozen=True, eq=False)
class Inlp:
    """What INLP found at one point.

    Attributes:
        subspace: The classifiers' directions, orthonormalised in the order they were found.
        dev_accuracies: Accuracy of each classifier on the held-out fifth, before its direction
            was removed; the failing last classifier is included.
        stopped: Why the iteration ended, as shown to the reader.
    """

    subspace: Subspace
    dev_accuracies: tuple[float, ...]
    stopped: str


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
    return Inlp(subspace, tuple(accuracies), stopped)


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


@dataclass(frozen=True, eq=False)
class Directions:
    """All directions of one model, as `precomputed/<model>/` holds them.

    Attributes:
        model: Name of the model they were fitted on.
        difference: Difference in means r, raw norm, at every template position and layer; zero
            where `points` says that none is known.
        harmless_mean: Mean of the harmless training activations; None where it is not known.
        positions: Template positions along the first axis, for example (-5, -4, -3, -2, -1).
        inlp: What INLP found, at the points where it was fitted; empty where it was not.
        dim_point: (position, layer) that the selection chose for difference in means.
        inlp_point: The same for INLP; the same point as `dim_point` where INLP was not fitted.
        default_k: Rank at which INLP panels start.
        default_c: Coefficient at which activation addition induces refusal.
        points: Where the difference is known; None for everywhere.
        imported: What is known of vectors that were fitted elsewhere, and of their sign, as shown
            to the reader; None for directions fitted here.
        rendering: How the requests were rendered that they were fitted on.
    """

    model: str
    difference: Float[Tensor, "position layer d_model"]
    harmless_mean: Float[Tensor, "position layer d_model"] | None
    positions: tuple[int, ...]
    inlp: Mapping[ExtractionPoint, Inlp]
    dim_point: ExtractionPoint
    inlp_point: ExtractionPoint
    default_k: int
    default_c: float
    points: tuple[ExtractionPoint, ...] | None = None
    imported: str | None = None
    rendering: Rendering = PLAIN

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        return self.difference.shape[1]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.difference.shape[2]

    @property
    def inlp_ranks(self) -> dict[ExtractionPoint, int]:
        """How many directions INLP kept, at the points where it was fitted."""
        return {point: found.subspace.rank for point, found in self.inlp.items()}

    @property
    def inlp_layer(self) -> int:
        """The block at whose input INLP's edits are made."""
        return self.inlp_point[1]

    @property
    def inlp_rank(self) -> int:
        """How many directions INLP kept at its point; 0 where it was not fitted."""
        return self.inlp_ranks.get(self.inlp_point, 0)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that an edit depends on, in hexadecimal."""
        digest = hashlib.sha256()
        tensors = [self.difference]
        tensors += [] if self.harmless_mean is None else [self.harmless_mean]
        tensors += [found.subspace.basis for _, found in sorted(self.inlp.items())]
        for tensor in tensors:
            digest.update(tensor.contiguous().numpy().tobytes())
        points = (sorted(self.inlp), self.dim_point, self.inlp_point)
        facts: tuple[Any, ...] = (points, self.positions, self.default_k, self.default_c)
        facts += () if self.points is None else (sorted(self.points),)
        digest.update(json.dumps(facts).encode())
        return digest.hexdigest()

    def require(self, model: str, *, n_layers: int, d_model: int) -> None:
        """Refuse a model of another shape.

        Raises:
            SteeringError: Names both shapes.
        """
        if (n_layers, d_model) != (self.n_layers, self.d_model):
            raise SteeringError(
                f"the directions of {self.model} ({self.n_layers} blocks, d_model {self.d_model}) "
                f"do not fit {model} ({n_layers} blocks, d_model {d_model}); make its own with "
                f"`python -m steering precompute --model {model}`"
            )

    def raw(self, point: ExtractionPoint) -> Float[Tensor, " d_model"]:
        """Return the difference in means at a point, raw norm.

        Raises:
            SteeringError: If the point does not exist, or no difference is known there.
        """
        return self.difference[self._index(point), point[1]]

    def midpoint(self, point: ExtractionPoint) -> Float[Tensor, " d_model"]:
        """Return the point halfway between the class means.

        Raises:
            SteeringError: If the point does not exist, or the means are not known.
        """
        if self.harmless_mean is None:
            raise missing_parts.no_means(self.model)
        return self.harmless_mean[self._index(point), point[1]] + self.raw(point) / 2

    def subspace(self, basis: str, point: ExtractionPoint) -> Subspace:
        """Return everything that was found at a point: `dim` (rank 1) or `inlp` (rank k).

        Raises:
            SteeringError: If nothing was fitted there.
        """
        if basis == "dim":
            raw = self.raw(point)
            if not bool(raw.any()):
                raise SteeringError(
                    f"the class means at layer {point[1]}, position {point[0]} are equal, so there "
                    "is no direction; choose a layer from 1 on"
                )
            return Subspace.spanned_by(
                raw[None], position=point[0], layer=point[1], method="difference in means"
            )
        require_inlp(self, point)
        return self.inlp[point].subspace

    def _index(self, point: ExtractionPoint) -> int:
        require_point(self, point)
        return self.positions.index(point[0])
