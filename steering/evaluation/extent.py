"""How much of a comparison is measured, and what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from steering.evaluation.evaluation_arms import BASELINE, Arm, paper
from steering.evaluation.next_tokens import GROUPS, SCORED_PROMPTS
from steering.evaluation.scored_arms import Family, families, scored_arms
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel

LONG_TOKENS: Final = 256
"""Length of the longer answers (chosen: the paper's are about twice as long; most end before)."""


@dataclass(frozen=True)
class Extent:
    """What is measured beside the answers of a comparison's arms.

    Attributes:
        scored: Arms whose next tokens are read.
        ranked: Arms among the seeds of their controls, by next tokens.
        long: Arms that answer once more, at length; the baseline comes first.
        long_tokens: Length of these answers.
    """

    scored: tuple[Arm, ...] = ()
    ranked: tuple[Family, ...] = ()
    long: tuple[Arm, ...] = ()
    long_tokens: int = LONG_TOKENS

    @property
    def panels(self) -> list[Panel]:
        """Every panel whose next tokens are read, each once."""
        found = [arm.panel for arm in self.scored]
        found += [family.arm.panel for family in self.ranked]
        found += [panel for family in self.ranked for panel in family.seeds]
        return list(dict.fromkeys(found))


CHOSEN: Final = Extent()
"""Of a comparison of chosen panels: their answers alone."""


def whole(directions: Directions) -> Extent:
    """Return what a whole comparison measures beside its answers."""
    # Of the settings with a name, those that the claims are weighed by.
    long = [arm for arm in paper(directions) if arm.panel.where is None and arm.panel.sites is None]
    return Extent(
        scored=scored_arms(directions),
        ranked=families(directions),
        long=(BASELINE, *long),
        long_tokens=LONG_TOKENS,
    )


def amount(
    arms: Sequence[Arm], sets: Mapping[str, Sequence[str]], tokens: int, extent: Extent
) -> str:
    """Say what a comparison takes: prompts times panels, and the tokens that this is at most.

    Args:
        arms: That answer.
        sets: Prompts by the name of their set.
        tokens: Length of their answers.
        extent: What is measured beside them.
    """
    n = sum(map(len, sets.values()))
    both = sum(len(texts) for name, texts in sets.items() if name in GROUPS)
    parts = [_rows("answers", len(arms), n, tokens)]
    if extent.long:
        parts.append(_rows("longer answers", len(extent.long), both, extent.long_tokens))
    if extent.scored:
        few = sum(min(SCORED_PROMPTS, len(sets.get(name, ()))) for name in GROUPS)
        parts.append(f"next tokens of {len(extent.panels) + 1} panels x {few} prompts")
    return "; ".join(parts)


def _rows(what: str, panels: int, prompts: int, tokens: int) -> str:
    total = panels * prompts * tokens
    return (
        f"{what} of {panels} panels x {prompts} prompts x at most {tokens} tokens "
        f"({total / 1000:,.0f} thousand)"
    )
