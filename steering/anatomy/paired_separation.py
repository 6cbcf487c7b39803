"""The area under the ROC curve where every harmful request has a harmless twin.

As `separation`, but pairs are drawn anew, not prompts: a request and its twin share their topic. So
the same pairs in two wordings can be compared, draw by draw.
"""

from typing import Final

import numpy as np
from jaxtyping import Float

from steering.intervals import Interval

_DRAWS: Final = 2_000
"""Bootstrap draws of an interval (chosen, as in `separation`)."""
_ENDS: Final = (2.5, 97.5)


def paired_auc(
    harmful: Float[np.ndarray, " pair"], harmless: Float[np.ndarray, " pair"], *, seed: int = 0
) -> Interval:
    """Return the share of harmful and harmless requests in order, with its 95 % interval.

    Args:
        harmful: A number each harmful request, which should be the larger one.
        harmless: That of its twin, in the same order.
        seed: Of the draws; equal seeds draw equal pairs.
    """
    return _interval(_in_order(harmful, harmless), _drawn(len(harmful), seed))


def paired_auc_difference(
    one: tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]],
    other: tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]],
    *,
    seed: int = 0,
) -> Interval:
    """Return by how much `one`'s AUC is larger than `other`'s, over the same pairs.

    Args:
        one: Numbers of harmful and of harmless requests.
        other: The same of these pairs in another wording.
        seed: Of the draws.
    """
    return _interval(_in_order(*one) - _in_order(*other), _drawn(len(one[0]), seed))


def _in_order(
    harmful: Float[np.ndarray, " pair"], harmless: Float[np.ndarray, " pair"]
) -> Float[np.ndarray, "pair pair"]:
    gap = harmful[:, None] - harmless[None]
    ordered: Float[np.ndarray, "pair pair"] = (gap > 0) + 0.5 * (gap == 0)
    return ordered


def _drawn(n: int, seed: int) -> Float[np.ndarray, "draw pair"]:
    drawn: Float[np.ndarray, "draw pair"] = (
        np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), _DRAWS) / n
    )
    return drawn


def _interval(
    cells: Float[np.ndarray, "pair pair"], drawn: Float[np.ndarray, "draw pair"]
) -> Interval:
    estimate = float(cells.mean())
    low, high = np.percentile(((drawn @ cells) * drawn).sum(axis=1), _ENDS)
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))
