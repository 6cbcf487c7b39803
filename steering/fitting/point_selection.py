"""The choice of (position, layer): where a direction is taken from, and at which layer it acts.

Difference in means (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3 and app. C): every template
position and every layer below 80 % of the depth is tried on validation prompts.

    bypass  mean refusal score of harmful prompts with r ablated everywhere   as low as possible
    induce  mean refusal score of harmless prompts with +1 r added            at least 0
    KL      mean KL(baseline || ablated) of harmless prompts' next token      at most 0.1

So many candidates on so many prompts take half an hour on two cores. So every point is scored
on a few prompts first, and the finalists, the best of these, on all of them (successive halving).
Places that pass the rule in the first round are finalists before all others; both tables are saved.

INLP (Rocchetti & Ferrara 2026): the highest accuracy of the first classifier, here cross-validated,
then the lowest refusal score of harmful prompts under flipping. Accuracies that lie within one
standard error of the best cannot be told apart, so all of these go on to the second criterion.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
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
    screened: Mapping[ExtractionPoint, Mapping[str, float]], n: int = FINALISTS
) -> list[ExtractionPoint]:
    """Return the `n` points with the lowest bypass.

    Those that pass the strict rule come first, then those with a KL within its bound, then those
    with one within the relaxed bound.
    """

    def rank(point: ExtractionPoint) -> tuple[bool, int, float]:
        row = screened[point]
        kl, strict = row["kl"], row["induce"] >= 0 and row["kl"] <= MAX_KL
        return not strict, (kl > MAX_KL) + (kl > RELAXED_MAX_KL), row["bypass"]

    finite = [point for point, row in screened.items() if all(map(math.isfinite, row.values()))]
    return sorted(finite, key=rank)[:n]


def choose(scores: Iterable[Score]) -> Choice:
    """Return the point with the lowest bypass among those that pass the first rule any passes.

    Raises:
        SteeringError: If the table is empty or a point has a score that is not a number.
    """
    table = [score for score in scores if all(map(math.isfinite, asdict(score).values()))]
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


def choose_inlp(flip_scores: Mapping[ExtractionPoint, float], tried: int) -> Choice:
    """Return the point with the lowest refusal score under flipping.

    Raises:
        SteeringError: If no point has a score that is a finite number.
    """
    finite = {point: score for point, score in flip_scores.items() if math.isfinite(score)}
    if not finite:
        raise SteeringError("no point has a finite score under flipping; nothing to choose")
    best = min(finite, key=lambda point: finite[point])
    rule = "first classifier within one standard error of the best, then lowest score when flipped"
    return Choice(best[0], best[1], rule, len(finite), tried)


def as_rows(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Return the table as JSON types."""
    return [asdict(score) for score in scores]
