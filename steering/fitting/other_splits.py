"""Runs INLP again on random parts of its prompts, to see which of its directions stay."""

from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steering.interventions.inlp import Inlp, inlp, is_above_chance
from steering.interventions.outline import ExtractionPoint
from steering.interventions.stability import SHARE, SPLITS, Stability, median_overlaps

_FEWEST: Final = 5
"""Prompts of each class that INLP needs."""


def stability(
    harmful: Float[Tensor, "harmful d_model"],
    harmless: Float[Tensor, "harmless d_model"],
    point: ExtractionPoint,
    found: Inlp,
    *,
    splits: int = SPLITS,
    seed: int = 0,
) -> Stability | None:
    """Compare INLP's directions with those of random parts of the same prompts.

    Args:
        harmful: Activations that INLP was fitted on, in the units of the residual stream.
        harmless: Activations of the other class; the larger one is cut to the smaller.
        point: Where they come from.
        found: What INLP found on all of them.
        splits: How many parts are drawn, each of 80 % of the prompts, pairs kept together.
        seed: Of the parts.

    Returns:
        None where a part would have fewer than 5 prompts of a class.
    """
    size = min(len(harmful), len(harmless))
    n = int(SHARE * size)
    if n < _FEWEST:
        return None
    generator = np.random.default_rng(seed)
    rank = found.subspace.rank
    ranks, cosines = [], []
    for split in range(splits):
        chosen = torch.from_numpy(generator.permutation(size)[:n])
        # As many directions as there are to compare, even where INLP would have stopped before.
        again = inlp(harmful[chosen], harmless[chosen], point, seed=split + 1, at_least=rank)
        ranks.append(_kept(again, 2 * n))
        basis = again.subspace.basis.double()[:rank]
        both = (found.subspace.basis.double()[: len(basis)] * basis).sum(1).abs()
        missing = [0.0] * (rank - len(basis))
        cosines.append([min(1.0, value) for value in both.tolist()] + missing)
    return Stability(tuple(ranks), median_overlaps(cosines))


def _kept(found: Inlp, n: int) -> int:
    """Return how many directions the rule would have kept; the first one always is."""
    for number, accuracy in enumerate(found.cross_validated):
        if number and not is_above_chance(accuracy, n):
            return number
    return len(found.cross_validated)
