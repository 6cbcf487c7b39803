"""Fits what the controls of a model's directions need: where states lie, INLP to chance."""

from collections.abc import Iterator, Mapping
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.interventions.controls import Controls, StateShape, key_of
from steering.interventions.directions import Directions, ExtractionPoint
from steering.interventions.inlp import Inlp, inlp
from steering.interventions.outline import inlp_points
from steering.interventions.subspace import Subspace

SPREAD_AXES: Final = 64
"""Axes of the states' covariance that are kept (chosen: what lies beside them is drawn, too)."""
SHUFFLES: Final = 5
"""Shuffles of the labels: as many as a control has seeds by text."""


def fit_controls(directions: Directions, stages: Stages) -> Controls:
    """Return what `controls_of` the captured activations gives; a finished fit is kept.

    Args:
        directions: With their points chosen.
        stages: Hold the activations that the directions were fitted on.
    """

    def compute() -> dict[str, Tensor]:
        return controls_of(directions, stages.tensors("activations", _never)).tensors()

    points = " ".join(key_of(point) for point in _compared(directions))
    return Controls.from_tensors(
        stages.tensors(f"controls, rank {directions.inlp_rank}, {points}", compute)
    )


def controls_of(directions: Directions, states: Mapping[str, Tensor]) -> Controls:
    """Return what the controls need, at the points that were chosen.

    All training prompts count, whichever of them a method was fitted on.

    Args:
        directions: With their points chosen.
        states: Activations by class, [prompt, position, layer, d_model].
    """

    def at(point: ExtractionPoint) -> tuple[Tensor, Tensor]:
        index = directions.positions.index(point[0])
        harmful, harmless = (
            states[name][:, index, point[1]].float() for name in ("harmful", "harmless")
        )
        return harmful, harmless

    points = _compared(directions)
    chosen, rank = directions.inlp_point, directions.inlp_rank
    return Controls(
        {point: StateShape.of(torch.cat(at(point)), axes=SPREAD_AXES) for point in points},
        {chosen: shuffled_inlp(*at(chosen), chosen, rank=rank)} if rank else {},
    )


def shuffled_inlp(
    harmful: Float[Tensor, "harmful d_model"],
    harmless: Float[Tensor, "harmless d_model"],
    point: ExtractionPoint,
    *,
    rank: int,
    shuffles: int = SHUFFLES,
) -> tuple[Subspace, ...]:
    """Return what INLP finds where the labels are dealt out at random, one subspace a shuffle.

    INLP would stop at once, as it should; as many directions as with the true labels are kept.

    Args:
        harmful: Activations, in the units of the residual stream.
        harmless: Of the other class; the larger one is cut to the smaller.
        point: Where they come from.
        rank: How many directions are kept.
        shuffles: How often, with the seeds from 0 on.
    """
    fits = shuffled_fits(harmful, harmless, point, rank=rank, shuffles=shuffles)
    return tuple(each.subspace for each in fits)


def shuffled_fits(
    harmful: Float[Tensor, "harmful d_model"],
    harmless: Float[Tensor, "harmless d_model"],
    point: ExtractionPoint,
    *,
    rank: int,
    shuffles: int = SHUFFLES,
) -> Iterator[Inlp]:
    """Yield the fits of `shuffled_inlp`, with what their classifiers are worth on held-out ones."""
    size = min(len(harmful), len(harmless))
    states = torch.cat([harmful[:size], harmless[:size]])
    for seed in range(shuffles):
        order = torch.randperm(2 * size, generator=torch.Generator().manual_seed(seed))
        ones, others = states[order[:size]], states[order[size:]]
        yield inlp(ones, others, point, seed=seed, max_iterations=rank, at_least=rank)


def _compared(directions: Directions) -> tuple[ExtractionPoint, ...]:
    """Return the points at which edits are compared, each once."""
    return tuple(dict.fromkeys((directions.dim_point, *inlp_points(directions))))


def _never() -> dict[str, Tensor]:
    raise AssertionError("the activations were captured before the directions were fitted")
