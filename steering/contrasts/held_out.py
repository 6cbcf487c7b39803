"""How well a direction tells texts apart that it was not fitted on, and how well chance does.

The classifier is the difference in means itself: a text is on the side of the class mean that is
nearer. Five splits run side by side, INLP's own, so that every text is held out once; the accuracy
is over all of them. As distances are inner products, the states are needed as a Gram matrix only,
and a thousand shuffles of the labels cost a few matrix products.

The test is a permutation test: labels are dealt out anew, everything that was fitted is fitted
again, and p is the share of deals, the real one among them, that do as well (Phipson & Smyth 2010,
doi:10.2202/1544-6115.1585). It holds whatever the splits share, where a binomial test would not.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.intervals import Interval, wilson
from steering.interventions.inlp import held_out_splits

FEWEST_SHUFFLES: Final = 999
"""Deals of a test: the smallest p is then .001 (chosen)."""
_TIE: Final = 1e-9
"""Share of the states' mean square below which a margin is none: rounding decides nothing."""


@dataclass(frozen=True)
class Chance:
    """What an accuracy comes to where there is nothing to find.

    Attributes:
        mean: Over all deals or draws.
        low: The smallest, or of many deals the value that 2.5 % are below.
        high: The largest, or of many deals the value that 2.5 % are above.
        n: Deals or draws.
    """

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def of_few(cls, values: Sequence[float]) -> "Chance":
        """Return mean and range of a handful of draws."""
        return cls(sum(values) / len(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class HeldOut:
    """A held-out accuracy beside the same on shuffled labels.

    Attributes:
        accuracy: Share of the held-out texts on their own side, with Wilson's 95 % interval. The
            splits share what they are fitted on, so that it is a little too narrow.
        shuffled: The same on shuffled labels: mean, and the middle 95 %.
        p_value: Share of the deals, the real one among them, that do at least as well.
    """

    accuracy: Interval
    shuffled: Chance
    p_value: float


def deals(size: int, shuffles: int, *, seed: int = 0) -> Int[Tensor, "deal text"]:
    """Return the real labels and shuffled ones, a row each: the first half is the first class.

    Args:
        size: Texts of each class.
        shuffles: Rows behind the first one.
        seed: Of the shuffles.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = [torch.randperm(2 * size, generator=generator) for _ in range(shuffles)]
    return torch.stack([torch.arange(2 * size), *shuffled])


def against_shuffles(
    first: Float[Tensor, "text d_model"], second: Float[Tensor, "text d_model"], *, shuffles: int
) -> HeldOut:
    """Return the accuracy of the nearer class mean on held-out texts, and its test.

    Args:
        first: States of the first class, or any other numbers of its texts.
        second: Of the second class, as many.
        shuffles: Deals of shuffled labels.
    """
    found = accuracies(first, second, deals(len(first), shuffles))
    real, chance = found[0], found[1:]
    low, high = chance.quantile(torch.tensor([0.025, 0.975], dtype=chance.dtype)).tolist()
    return HeldOut(
        accuracy=interval(float(real), 2 * len(first)),
        shuffled=Chance(float(chance.mean()), low, high, len(chance)),
        p_value=float((found >= real - _TIE).double().mean()),
    )


def accuracies(
    first: Float[Tensor, "text d_model"],
    second: Float[Tensor, "text d_model"],
    dealt: Int[Tensor, "deal both"],
    *,
    seed: int = 0,
) -> Float[Tensor, " deal"]:
    """Return the accuracy of the nearer class mean on held-out texts, for every deal of the labels.

    A text as near to both counts as half a hit.

    Args:
        first: States of the first class.
        second: Of the second.
        dealt: What `deals` returned.
        seed: Of the splits, the same ones for every deal.
    """
    size = len(first)
    states = torch.cat([first, second]).double()
    states = states - states.mean(0)
    gram = states @ states.T
    tie = _TIE * float(gram.diagonal().mean())
    right = torch.zeros(len(dealt), dtype=torch.float64)
    for train, dev in held_out_splits(size, seed):
        fitted, held = torch.from_numpy(train), torch.from_numpy(dev)
        one, other = (
            torch.zeros(len(dealt), 2 * size, dtype=torch.float64).scatter_(
                1, dealt[:, fitted + start], 1 / len(fitted)
            )
            for start in (0, size)
        )
        along = (one - other) @ gram  # every text's inner product with the difference in means
        middle = ((one + other) * along).sum(1, keepdim=True) / 2
        margins = along - middle
        for start, side in ((0, 1), (size, -1)):
            margin = side * margins.gather(1, dealt[:, held + start])
            right += (margin > tie).double().sum(1) + 0.5 * (margin.abs() <= tie).double().sum(1)
    return right / (2 * size)


def accuracy_within(
    first: Float[Tensor, "text d_model"],
    second: Float[Tensor, "text d_model"],
    basis: Float[Tensor, "rank d_model"],
) -> float:
    """Return the same accuracy for what a subspace sees of the states, with the real labels."""
    inside = [states.double() @ basis.double().T for states in (first, second)]
    return float(accuracies(inside[0], inside[1], deals(len(first), 0))[0])


def accuracy_by_token(first: Sequence[int], second: Sequence[int], *, seed: int = 0) -> float:
    """Return how well a single token of each text tells the lists apart, on held-out texts.

    A text is of the class in which its token is more frequent among the other texts; half a hit
    where it is as frequent in both, or new.

    Args:
        first: The token of each text of the first class.
        second: Of the second class, as many.
        seed: Of the splits.
    """
    right = 0.0
    for train, dev in held_out_splits(len(first), seed):
        counts = [Counter(tokens[index] for index in train) for tokens in (first, second)]
        for own, tokens in enumerate((first, second)):
            for index in dev:
                lead = counts[own][tokens[index]] - counts[1 - own][tokens[index]]
                right += 1.0 if lead > 0 else 0.5 if lead == 0 else 0.0
    return right / (2 * len(first))


def interval(accuracy: float, n: int) -> Interval:
    """Return an accuracy on n held-out texts with Wilson's interval; half a hit is none there."""
    found = wilson(int(accuracy * n + _TIE * n), n)
    return Interval(accuracy, min(found.low, accuracy), max(found.high, accuracy))
