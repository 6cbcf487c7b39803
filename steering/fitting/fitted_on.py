"""Which training prompts stand for the classes by each definition, and which definition is taken.

Difference in means and INLP are fitted on the same prompts, as many of each class. A harmful prompt
and the harmless one of the same number are matched pairs in the project's own set; they stay
together wherever both are left, so that INLP's splits never tear them apart.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.errors import SteeringError
from steering.fitting.scoring import MIN_KEPT
from steering.interventions.class_definitions import BEHAVIOUR, DEFINITIONS, LABEL

LARGE_ENOUGH: Final = 40
"""Prompts of each class from which on the classes by behaviour are the default. An accuracy on
twice 40 prompts has the standard error, .056, of the dev set of 78 prompts that INLP was published
with; with fewer, INLP stops and chooses by less than that."""
CLASSES_ASKED: Final = ("auto", *DEFINITIONS)
"""What can be asked for as the default."""


@dataclass(frozen=True, eq=False)
class ClassPrompts:
    """The training prompts of both classes by one definition.

    Attributes:
        harmful: Numbers of the prompts of the first class among the harmful ones.
        harmless: The same of the second; entry i belongs to entry i of the first.
    """

    harmful: Int[Tensor, " prompt"]
    harmless: Int[Tensor, " prompt"]

    @property
    def size(self) -> int:
        """Prompts of each class."""
        return len(self.harmful)

    @property
    def digest(self) -> str:
        """Names these prompts: other openers leave others."""
        numbers = [self.harmful.tolist(), self.harmless.tolist()]
        return hashlib.sha256(str(numbers).encode()).hexdigest()[:8]


def definitions(scores: Mapping[str, Float[Tensor, " _prompt"]]) -> dict[str, ClassPrompts]:
    """Return the prompts of the classes by each definition.

    By behaviour these are the prompts whose refusal score has the right sign (Arditi et al. 2024,
    arXiv:2406.11717, app. A); where fewer than 8 of a class do, there is no such definition.

    Args:
        scores: Refusal score of every training prompt, by class.
    """
    n = min(len(scores["harmful"]), len(scores["harmless"]))
    found = {LABEL: ClassPrompts(torch.arange(n), torch.arange(n))}
    kept = matched(scores["harmful"] > 0, scores["harmless"] < 0)
    return found | ({BEHAVIOUR: kept} if kept.size >= MIN_KEPT else {})


def matched(refused: Tensor, answered: Tensor) -> ClassPrompts:
    """Return as many prompts of each class as both have, pairs first.

    Args:
        refused: Of each harmful prompt, whether it is kept.
        answered: The same of each harmless one.
    """
    one, other = (mask.nonzero()[:, 0].tolist() for mask in (refused, answered))
    both = sorted({*one} & {*other})
    rest = zip(
        [number for number in one if number not in both],
        [number for number in other if number not in both],
        strict=False,
    )
    pairs = sorted([*((number, number) for number in both), *rest])
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return ClassPrompts(
        torch.tensor(first, dtype=torch.long), torch.tensor(second, dtype=torch.long)
    )


def default(found: Mapping[str, ClassPrompts], asked: str = "auto") -> str:
    """Return the definition that edits take where none is named.

    Args:
        found: What `definitions` returned.
        asked: `label`, `behaviour`, or `auto`: by behaviour, if 40 prompts of each class are left.

    Raises:
        SteeringError: If it is asked for and the model refuses, or answers, too few prompts.
    """
    if asked not in CLASSES_ASKED:
        raise SteeringError(f"unknown classes {asked!r}; allowed: {', '.join(CLASSES_ASKED)}")
    if asked != "auto" and asked not in found:
        raise SteeringError(
            f"classes=behaviour needs {MIN_KEPT} harmful training prompts that the model begins to "
            f"refuse and {MIN_KEPT} harmless ones that it does not; there are fewer, so take "
            "classes=label"
        )
    if asked != "auto":
        return asked
    return BEHAVIOUR if BEHAVIOUR in found and found[BEHAVIOUR].size >= LARGE_ENOUGH else LABEL
