"""How well one number tells two groups of prompts apart, alone and with something else held equal.

The measure is the area under the ROC curve (AUC): the share of pairs, one prompt of each group, in
which the first group's number is the larger one; half is chance, ties count half. *Within strata*
only pairs are counted whose prompts are alike in another respect, so that refusal is not told by
way of harm.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Shaped

from steering.intervals import Interval

_DRAWS: Final = 2_000
"""Bootstrap draws of an interval (chosen: its ends move by less than .01 between seeds)."""
_ENDS: Final = (2.5, 97.5)


def auc(
    values: Float[np.ndarray, " prompt"],
    positive: Bool[np.ndarray, " prompt"],
    strata: Shaped[np.ndarray, " prompt"] | None = None,
) -> float | None:
    """Return the share of pairs that are in order; None where there is no pair.

    Args:
        values: A number each prompt.
        positive: Which prompts are of the group that should have the larger ones.
        strata: Only prompts with equal entries make a pair; None for all.
    """
    parts = _pairs(values, positive, strata)
    return sum(float(p.sum()) for p in parts) / sum(p.size for p in parts) if parts else None


def auc_interval(
    values: Float[np.ndarray, " prompt"],
    positive: Bool[np.ndarray, " prompt"],
    strata: Shaped[np.ndarray, " prompt"] | None = None,
    *,
    seed: int = 0,
) -> Interval | None:
    """Return `auc` with its 95 % interval: percentiles of a bootstrap over each group's prompts."""
    parts = _pairs(values, positive, strata)
    estimate = auc(values, positive, strata)
    if estimate is None:
        return None
    generator = np.random.default_rng(seed)
    drawn, pairs = np.zeros(_DRAWS), sum(part.size for part in parts)
    for part in parts:
        one, other = (
            generator.multinomial(count, np.full(count, 1 / count), _DRAWS) for count in part.shape
        )
        drawn += ((one @ part) * other).sum(axis=1) / pairs
    low, high = np.percentile(drawn, _ENDS)
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))


def correlation_interval(
    first: Float[np.ndarray, " prompt"], second: Float[np.ndarray, " prompt"], *, seed: int = 0
) -> Interval:
    """Return Pearson's correlation over prompts with its 95 % interval, by a bootstrap."""
    generator = np.random.default_rng(seed)
    n = len(first)
    chosen = generator.integers(0, n, (_DRAWS, n))
    drawn = _correlations(first[chosen], second[chosen])
    low, high = np.percentile(drawn, _ENDS)
    estimate = float(_correlations(first[None], second[None])[0])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))


def _correlations(
    first: Float[np.ndarray, "draw prompt"], second: Float[np.ndarray, "draw prompt"]
) -> Float[np.ndarray, " draw"]:
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (first, second))
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    found: Float[np.ndarray, " draw"] = (one * other).sum(axis=1) / np.maximum(scale, 1e-12)
    return found


def _pairs(
    values: Float[np.ndarray, " prompt"],
    positive: Bool[np.ndarray, " prompt"],
    strata: Shaped[np.ndarray, " prompt"] | None,
) -> Sequence[Float[np.ndarray, "_positive _negative"]]:
    """Return, of each stratum with both groups, which pairs are in order: 1, 0, or .5 for a tie."""
    alike = np.zeros(len(values), dtype=int) if strata is None else strata
    found = []
    for stratum in np.unique(alike):
        here = alike == stratum
        more, less = values[here & positive], values[here & ~positive]
        if len(more) and len(less):
            difference = more[:, None] - less[None]
            found.append((difference > 0) + 0.5 * (difference == 0))
    return found
