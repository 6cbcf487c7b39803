"""Intervals, paired tests and agreement.

Everything is counted over prompts, and panels are compared on the same prompts: a rate has Wilson's
interval, a mean over prompts a BCa bootstrap interval, two panels the exact McNemar test, two
judges Cohen's kappa.

The libraries come with the first number: the page shows stored ones and need not wait for them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired

import numpy as np
from jaxtyping import Float
from typing_extensions import TypedDict

_CONFIDENCE = 0.95
"""The share of intervals that hold the true value; the convention of the field."""

_RESAMPLES = 9_999
"""Bootstrap resamples; scipy's default, and the interval's ends then move by less than 0.01."""


class IntervalEntry(TypedDict):
    """The form that an interval has in every JSON document; a test may stand beside it.

    Attributes:
        estimate: The observed value.
        low: Lower end, at most the estimate.
        high: Upper end, at least the estimate.
        n: Prompts (windows, of prose) that it is over. Left out where a document was converted
            from one that did not say it, and nowhere else.
    """

    estimate: float
    low: float
    high: float
    n: NotRequired[int]


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its confidence interval, all in the estimate's unit.

    Attributes:
        estimate: The observed value.
        low: Lower end, at most the estimate.
        high: Upper end, at least the estimate.
    """

    estimate: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse ends that do not enclose the estimate."""
        if not self.low <= self.estimate <= self.high:
            raise ValueError(f"the interval [{self.low}, {self.high}] misses {self.estimate}")

    def entry(self, n: int) -> IntervalEntry:
        """Return the interval as JSON types; `n` says over how many prompts it is."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high, "n": n}


COLUMN_ENDS = {"estimate": "", "low": "_low", "high": "_high", "n": "_n"}
"""How an interval becomes columns of a flat table: `rate`, `rate_low`, `rate_high` and `rate_n`.
Where all intervals of a row are over the same prompts, one column `n` stands for each `rate_n`."""


def as_columns(name: str, entry: IntervalEntry) -> dict[str, float]:
    """Return the columns of an interval, without those that it does not have."""
    return {f"{name}{COLUMN_ENDS[key]}": value for key, value in _numbers(entry).items()}


def from_columns(row: Mapping[str, object], name: str, n: int) -> IntervalEntry | None:
    """Return the interval that columns of a row hold; None where one of them is empty."""
    ends = [row.get(f"{name}{COLUMN_ENDS[key]}") for key in ("estimate", "low", "high")]
    estimate, low, high = (float(each) if isinstance(each, int | float) else None for each in ends)
    if estimate is None or low is None or high is None:
        return None
    return {"estimate": estimate, "low": low, "high": high, "n": n}


def is_entry(value: object) -> bool:
    """Whether a part of a document is an interval, perhaps with more beside it."""
    return isinstance(value, Mapping) and {"estimate", "low", "high"} <= value.keys()


def _numbers(entry: IntervalEntry) -> dict[str, float]:
    numbers: dict[str, float] = {key: entry[key] for key in ("estimate", "low", "high")}
    return numbers | ({"n": entry["n"]} if "n" in entry else {})


@dataclass(frozen=True)
class PairedDifference:
    """How a claim's rate differs between two panels that answered the same prompts.

    Attributes:
        difference: Rate of the edited panel minus rate of the baseline, with its interval.
        p_value: Two-sided exact McNemar test: a coin thrown once for every changed prompt.
        gained: Prompts where only the edited panel has the claim.
        lost: Prompts where only the baseline has it.
        n: Prompts in all.
    """

    difference: Interval
    p_value: float
    gained: int
    lost: int
    n: int


def wilson(successes: int, n: int, *, confidence: float = _CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate `successes / n`.

    Raises:
        ValueError: If `n` is not positive or `successes` is not within 0 to `n`.
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"{successes} of {n} is not a rate; 0 <= successes <= n and n >= 1 hold")
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    rate = successes / n
    # At 0 and n the exact end is the rate itself; rounding may put it on the wrong side.
    return Interval(rate, min(float(low), rate), max(float(high), rate))


def mean_interval(
    values: Sequence[float] | Float[np.ndarray, " prompt"],
    *,
    weights: Sequence[float] | Sequence[int] | None = None,
    reach: float = 0.0,
    confidence: float = _CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """Mean over prompts with its BCa bootstrap interval.

    Args:
        values: One finite number a prompt.
        weights: What each counts for, above 0, for example its tokens; equal if not given.
        reach: How far values may lie from 0, where that is known (1 for changes of a yes or no).
            Equal values give a bootstrap no width. The share of prompts that behave so has a
            Wilson bound; the rest is then allowed anything within the reach.
        confidence: Between 0 and 1.
        seed: Of the resampling; equal seeds give equal intervals.

    Raises:
        ValueError: If there are no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("a mean needs at least one prompt")
    mean = float(np.average(array, weights=weights))
    if np.allclose(array, array[0], rtol=1e-9, atol=1e-12):
        # Equal but for rounding, over which scipy's acceleration would divide 0 by 0.
        rest = 1.0 - wilson(len(array), len(array), confidence=confidence).low
        near, width = mean * (1.0 - rest), reach * rest
        if not reach:
            return Interval(mean, mean, mean)
        return Interval(mean, max(-reach, near - width), min(reach, near + width))
    from scipy import stats

    ends = stats.bootstrap(
        (array,) if weights is None else (array, np.asarray(weights, dtype=np.float64)),
        _average,
        paired=weights is not None,
        n_resamples=_RESAMPLES,
        confidence_level=confidence,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    # On a handful of prompts BCa may have no end; then the values themselves are the bound.
    low = float(np.nan_to_num(ends.low, nan=array.min()))
    high = float(np.nan_to_num(ends.high, nan=array.max()))
    return Interval(mean, min(low, mean), max(high, mean))


def _average(
    values: np.ndarray, weights: np.ndarray | None = None, axis: int = -1
) -> np.ndarray | float:
    return np.average(values, axis=axis, weights=weights)


def standard_error(rate: float, n: int) -> float:
    """Return the standard error of a rate over n prompts, for a rule of one standard error.

    At a rate of 0 or 1 that would be 0, and a lucky point would stand alone: it is at least that
    of half a prompt in n.
    """
    return math.sqrt(max(rate * (1 - rate), 0.25 / n) / n)


def paired_difference(
    baseline: Sequence[bool],
    edited: Sequence[bool],
    *,
    confidence: float = _CONFIDENCE,
    seed: int = 0,
) -> PairedDifference:
    """Difference of a claim's rate between two panels on the same prompts, tested and bracketed.

    Args:
        baseline: Whether the claim, such as "refused", holds for each prompt under the baseline.
        edited: The same prompts, in the same order, under the edit.
        confidence: Of the interval, between 0 and 1.
        seed: Of the bootstrap over prompts; equal seeds give equal intervals.

    Raises:
        ValueError: If the two differ in length or are empty.
    """
    if len(baseline) != len(edited) or not baseline:
        raise ValueError(
            f"a paired difference needs the same prompts in both panels, at least one; "
            f"got {len(baseline)} and {len(edited)}"
        )
    from sklearn.metrics import confusion_matrix
    from statsmodels.stats.contingency_tables import mcnemar

    table = confusion_matrix(list(baseline), list(edited), labels=[False, True])
    changes = np.asarray(edited, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    return PairedDifference(
        difference=mean_interval(changes, reach=1.0, confidence=confidence, seed=seed),
        p_value=float(mcnemar(table, exact=True).pvalue),
        gained=int(table[0, 1]),
        lost=int(table[1, 0]),
        n=len(changes),
    )


def kappa(one: Sequence[str], other: Sequence[str]) -> Interval | None:
    """Cohen's kappa of two judges with its asymptotic 95 % interval (Fleiss et al. 1969).

    Args:
        one: The first judge's label of each text.
        other: The second judge's, in the same order.

    Returns:
        1 for full agreement (the interval has no width then: read n beside it), 0 for what chance
        gives; None if both judges gave every text one and the same label, where it has no value.

    Raises:
        ValueError: If the two differ in length or are empty.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"kappa needs two labels a text; got {len(one)} and {len(other)}")
    if len({*one, *other}) == 1:
        return None
    from sklearn.metrics import confusion_matrix
    from statsmodels.stats.inter_rater import cohens_kappa

    # At full agreement the variance is zero but for rounding, which may turn it negative.
    with np.errstate(invalid="ignore", divide="ignore"):
        found = cohens_kappa(confusion_matrix(list(one), list(other)))
    value = float(found.kappa)
    low, high = np.nan_to_num([found.kappa_low, found.kappa_upp], nan=value)
    return Interval(value, max(-1.0, float(low)), min(1.0, float(high)))
