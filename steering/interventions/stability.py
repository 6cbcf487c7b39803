"""How alike INLP's directions come out on other prompts, and how that is said.

INLP's later directions hang on which prompts were drawn: what the sixth classifier leans on is what
chance left. So INLP is run again on random parts of the same training prompts, and every direction
is compared with the one of the same number.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SPLITS: Final = 10
"""Random parts of the prompts that INLP is run on again (chosen)."""
SHARE: Final = 0.8
"""Of the prompts in each part: what a classifier is trained on (Rocchetti & Ferrara 2026)."""
ALIKE: Final = 0.5**0.5
"""Cosine from which a direction is called the same: half of its squared length is (chosen)."""

_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True)
class Stability:
    """What running INLP on other splits of the same prompts gave.

    Attributes:
        ranks: How many directions INLP kept in each split.
        overlaps: Of each direction, the median over the splits of its cosine, without sign, with
            the direction of the same number.
    """

    ranks: tuple[int, ...]
    overlaps: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is not of several splits, or no cosines."""
        if not self.ranks or min(self.ranks) < 1 or not self.overlaps:
            raise ValueError(f"no ranks or overlaps of other splits: {self.ranks}, {self.overlaps}")
        if not all(0 <= overlap <= 1.001 for overlap in self.overlaps):
            raise ValueError(f"overlaps must lie between 0 and 1: {self.overlaps}")

    @property
    def n_alike(self) -> int:
        """How many leading directions come out alike, up to the first that does not."""
        alike = [overlap >= ALIKE for overlap in self.overlaps]
        return alike.index(False) if False in alike else len(alike)

    @property
    def sentence(self) -> str:
        """What a reader at the slider of the rank has to know."""
        low, high, n = min(self.ranks), max(self.ranks), self.n_alike
        kept = f"{low}" if low == high else f"{low} to {high}"
        of = f"in {len(self.ranks)} other splits of the prompts {kept} are kept"
        if n == len(self.overlaps):
            return f"All {n} come out alike; {of}." if n > 1 else f"It comes out alike; {of}."
        other = f"the {ordinal(n + 1)} is another one there (cosine {self.overlaps[n]:.2f})"
        return f"{of[0].upper()}{of[1:]}; {other}."


def median_overlaps(splits: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the median over splits of each direction's cosine, without its sign."""
    return tuple(
        statistics.median(map(abs, of_direction)) for of_direction in zip(*splits, strict=True)
    )


def ordinal(number: int) -> str:
    """Return a number as it is said in a row: 1st, 2nd, 11th."""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else _ORDINALS.get(number % 10, 'th')}"
