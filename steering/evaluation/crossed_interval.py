"""Intervals of sums over several sets of prompts and several seeds, and Holm's correction."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from steering.intervals import Interval, mean_interval, wilson

_CONFIDENCE: Final = 0.95
"""The convention of the field, as in `intervals`."""
_RESAMPLES: Final = 9_999
"""Bootstrap resamples, as in `intervals`."""


def crossed_interval(
    sets: Sequence[Sequence[Float[np.ndarray, "_seed _prompt"]]],
    *,
    reach: float = 0.0,
    confidence: float = _CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """Sum of means over prompts, and over seeds where a term has several, with its interval.

    A percentile bootstrap in which everything is drawn anew that stands for more of its kind: the
    prompts of every set, together for its terms, and the seeds of every term. A few seeds show less
    of their spread than there is, so that the interval is rather too narrow than too wide.

    Args:
        sets: Terms of every set of prompts, weighted already; a term of one seed has one row.
        reach: How far the sum may lie from 0; see `mean_interval`, whose interval it is where there
            is one set and no term has several seeds.
        confidence: Between 0 and 1.
        seed: Of the resampling.

    Raises:
        ValueError: If there are no prompts.
    """
    if len(sets) == 1 and all(len(term) == 1 for term in sets[0]):
        summed = np.sum(sets[0], axis=0)[0]
        return mean_interval(summed, reach=reach, confidence=confidence, seed=seed)
    generator = np.random.default_rng(seed)
    estimate, beyond = 0.0, 0.0
    drawn = np.zeros(_RESAMPLES)
    for terms in sets:
        n = terms[0].shape[1]
        if not n:
            raise ValueError("a mean needs at least one prompt")
        prompts = generator.multinomial(n, np.full(n, 1 / n), _RESAMPLES) / n
        varies = False
        for term in terms:
            count = len(term)
            seeds = generator.multinomial(count, np.full(count, 1 / count), _RESAMPLES) / count
            drawn += ((seeds @ term) * prompts).sum(axis=1)
            estimate += float(term.mean())
            varies |= bool(np.ptp(term) > 1e-12)
        if not varies:
            # Equal values have no width in a bootstrap: see `mean_interval`.
            beyond += reach * (1.0 - wilson(n, n, confidence=confidence).low)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(
        estimate, min(float(low) - beyond, estimate), max(float(high) + beyond, estimate)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values as they are after Holm's correction for having tested all of them.

    Holm 1979: the k-th smallest of m is multiplied by m - k + 1, and is no smaller than the one
    before. Each may be compared with the level that holds for all together.
    """
    found, largest = [0.0] * len(p_values), 0.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - place)))
        found[index] = largest
    return found
