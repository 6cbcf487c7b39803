"""The choice of (position, layer): where a direction is taken from, and at which layer it acts.

Difference in means (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3 and app. C): every template
position and every layer below 80 % of the depth is tried on validation prompts.

    bypass  mean refusal score of harmful prompts with r ablated everywhere   as low as possible
    induce  mean refusal score of harmless prompts with +1 r added            at least 0
    KL      mean KL(baseline || ablated) of harmless prompts' next token      at most 0.1

So many candidates on so many prompts take half an hour on two cores. So every point is scored
on a few prompts first, and the finalists, the best of these, on others (successive halving); both
tables are saved. What passes the earlier rule in the first round is a finalist before the rest.

INLP (Rocchetti & Ferrara 2026): the highest accuracy of the first classifier, here cross-validated,
then the rule above, with every direction flipped or removed in place of the ablation: the place of
either intervention is chosen by itself. Accuracies that lie within one standard error of the best
cannot be told apart, so all of these go on to the second criterion.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from steering.errors import SteeringError
from steering.fitting.scoring import Score
from steering.intervals import standard_error
from steering.interventions.directions import ExtractionPoint
from steering.interventions.inlp import Inlp

SCREENED = 12
"""Prompts of each class in the first round (chosen)."""
FINALISTS = 6
"""Places that go on to the second round (chosen)."""
SEARCHED_DEPTH = 0.8
"""Share of the blocks, from the first, at which directions are considered (Arditi et al.)."""
MAX_KL = 0.1
"""Largest KL divergence of an ablation that is let through, in nats (Arditi et al.)."""
RELAXED_MAX_KL = 0.2
"""The same, once nothing passed (chosen)."""


@dataclass(frozen=True)
class Choice:
    """A chosen point and how it came about.

    Attributes:
        position: Template position.
        layer: Block input.
        rule: The rule that it passed, in words; names what was relaxed.
        passed: How many points passed that rule.
        tried: How many points were tried.
    """

    position: int
    layer: int
    rule: str
    passed: int
    tried: int

    @property
    def point(self) -> ExtractionPoint:
        """(position, layer)."""
        return self.position, self.layer


SELECTION_RULES: tuple[tuple[str, Callable[[Score], bool]], ...] = (
    (f"induce at +1 r >= 0 and KL <= {MAX_KL}", lambda s: s.induce >= 0 and s.kl <= MAX_KL),
    (
        f"relaxed: induce at +2 r >= 0 and KL <= {MAX_KL}",
        lambda s: s.induce_twice >= 0 and s.kl <= MAX_KL,
    ),
    (
        f"relaxed: induce at +2 r >= 0 and KL <= {RELAXED_MAX_KL}",
        lambda s: s.induce_twice >= 0 and s.kl <= RELAXED_MAX_KL,
    ),
    (f"relaxed: KL <= {RELAXED_MAX_KL}, induce not asked for", lambda s: s.kl <= RELAXED_MAX_KL),
    ("relaxed: no constraint", lambda _: True),
)
"""Tried in this order; the first that any point passes decides. The first is Arditi et al.'s."""


def candidates(positions: Sequence[int], n_layers: int) -> list[ExtractionPoint]:
    """Return every point that is considered: layers 1 to below 80 % of the depth.

    At layer 0 the template tokens are the same for every prompt, so there is no direction.
    """
    return [(p, layer) for p in positions for layer in range(1, int(SEARCHED_DEPTH * n_layers))]


def finalists(
    screened: Mapping[ExtractionPoint, Score], n: int = FINALISTS
) -> list[ExtractionPoint]:
    """Return the `n` points that pass the earliest rule, of these the lowest bypass first."""

    def rank(point: ExtractionPoint) -> tuple[int, float]:
        score = screened[point]
        first = next(index for index, (_, passes) in enumerate(SELECTION_RULES) if passes(score))
        return first, score.bypass

    return sorted((point for point in screened if _is_finite(screened[point])), key=rank)[:n]


def _is_finite(score: Score) -> bool:
    return all(map(math.isfinite, asdict(score).values()))


def choose(scores: Iterable[Score]) -> Choice:
    """Return the point with the lowest bypass among those that pass the first rule any passes.

    Raises:
        SteeringError: If the table is empty or a point has a score that is not a number.
    """
    table = [score for score in scores if _is_finite(score)]
    if not table:
        raise SteeringError("the score table has no point with finite scores; nothing to choose")
    for rule, passes in SELECTION_RULES:
        passed = [score for score in table if passes(score)]
        if passed:
            best = min(passed, key=lambda score: score.bypass)
            return Choice(best.position, best.layer, rule, len(passed), len(table))
    raise AssertionError("the last rule lets everything pass")


def leading_points(found: Mapping[ExtractionPoint, Inlp], n: int) -> list[ExtractionPoint]:
    """Return the points whose first classifier is within one standard error of the best.

    Args:
        found: What INLP found at each point, with cross-validated accuracies.
        n: Prompts that these are over.
    """
    accuracy = {point: result.cross_validated[0] for point, result in found.items()}
    best = max(accuracy.values())
    error = standard_error(best, n)
    return [point for point, value in accuracy.items() if value >= best - error]


def choose_inlp(scores: Iterable[Score], tried: int) -> Choice:
    """Return the point that `choose` takes among those that `leading_points` left.

    Args:
        scores: Of these points, under one intervention.
        tried: How many points INLP was fitted at.

    Raises:
        SteeringError: If no point has scores that are finite numbers.
    """
    found = choose(scores)
    rule = f"first classifier within one standard error of the best, then {found.rule}"
    return replace(found, rule=rule, tried=tried)


def as_rows(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Return the table as JSON types."""
    return [asdict(score) for score in scores]
