"""Both methods on a contrast at one layer, beside what chance gives there."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.contrasts.findings import LayerFinding
from steering.contrasts.held_out import Chance, accuracy_within, against_shuffles, interval
from steering.fitting.control_fit import SHUFFLES, shuffled_fits
from steering.interventions.directions import ExtractionPoint, difference_in_means
from steering.interventions.inlp import Inlp, inlp
from steering.interventions.subspace import Subspace

MOST_DIRECTIONS: Final = 8
"""Directions that INLP finds at most: the largest rank that a start is chosen among elsewhere."""


@dataclass(frozen=True, eq=False)
class LayerFit:
    """What was fitted at a point.

    Attributes:
        point: (position, layer).
        inlp: What INLP found.
        finding: How well both methods do; its p is not corrected yet.
    """

    point: ExtractionPoint
    inlp: Inlp
    finding: LayerFinding


def fit_at(
    point: ExtractionPoint,
    first: Float[Tensor, "text d_model"],
    second: Float[Tensor, "text d_model"],
    *,
    shuffles: int,
) -> LayerFit:
    """Fit INLP and the difference in means, and test them on held-out texts.

    Args:
        point: (position, layer) of the states.
        first: States of the first list, in the units of the residual stream.
        second: Of the second list, as many.
        shuffles: Deals of shuffled labels in the test of the difference in means.

    Raises:
        SteeringError: If the states of both lists are equal.
    """
    kept = inlp(first, second, point, max_iterations=MOST_DIRECTIONS)
    raw = difference_in_means(first, second)
    dim = Subspace.spanned_by(
        raw[None], layer=point[1], position=point[0], method="difference in means"
    )

    def drawn(like: Subspace) -> Chance:
        spaces = [Subspace.random(like.rank, like, seed=seed) for seed in range(SHUFFLES)]
        return Chance.of_few([accuracy_within(first, second, each.basis) for each in spaces])

    inside = in_their_span(first, second)
    shuffled = shuffled_fits(*inside, point, rank=1, shuffles=SHUFFLES)
    found, n = against_shuffles(*inside, shuffles=shuffles), 2 * len(first)
    finding = LayerFinding(
        layer=point[1],
        n=n,
        norm=float(raw.norm()),
        dim=found,
        p_holm=found.p_value,
        dim_random=drawn(dim),
        inlp=interval(kept.cross_validated[0], n),
        inlp_accuracies=kept.cross_validated,
        inlp_stopped=kept.stopped,
        inlp_shuffled=Chance.of_few([each.cross_validated[0] for each in shuffled]),
        inlp_random=drawn(kept.subspace),
    )
    return LayerFit(point, kept, finding)


def in_their_span(
    first: Float[Tensor, "text d_model"], second: Float[Tensor, "text d_model"]
) -> tuple[Float[Tensor, "text axis"], Float[Tensor, "text axis"]]:
    """Return states in coordinates of the subspace that they span, where that is smaller.

    Inner products stay what they are, and so do classifiers that are sums of states, as the
    difference in means and logistic regression with an L2 penalty are; a few dozen texts have few
    of the dimensions of a model.
    """
    states = torch.cat([first, second]).double()
    if len(states) >= states.shape[1]:
        return first, second
    _, r = torch.linalg.qr(states.T)
    inside = r.T.float()
    return inside[: len(first)], inside[len(first) :]
