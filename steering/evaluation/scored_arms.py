"""What is read by next tokens alone: every combination of `arm_matrix`, and controls of many seeds.

A refusal score costs one pass, an answer dozens: so 20 seeds a control are affordable here, and a
rank among them says how much of an effect any directions would have had.
"""

from dataclasses import dataclass

from steering.evaluation.arm_matrix import matrix
from steering.evaluation.evaluation_arms import INDUCING_LABEL, Arm, along_one, distinct, paper
from steering.evaluation.matched_controls import SCORED_SEEDS, equal_step, matched
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel


@dataclass(frozen=True)
class Family:
    """An arm, and controls of one kind that it is ranked among.

    Attributes:
        arm: The edit along found directions.
        kind: `random`, `covariance`, `equal step` or `shuffled`.
        seeds: The controls.
    """

    arm: Arm
    kind: str
    seeds: tuple[Panel, ...]


def scored_arms(directions: Directions) -> tuple[Arm, ...]:
    """Return the arms whose next tokens are read, the paper's first."""
    found = [*paper(directions), *along_one(directions), *matrix(directions)]
    if directions.inlp_rank:
        rank = directions.inlp_rank
        found.append(
            Arm("counterfactual flipping, all directions", "beyond", Panel("flip", k=rank))
        )
    return distinct(found)


def families(directions: Directions) -> tuple[Family, ...]:
    """Return what the paper's arms, and those that are compared with them, are ranked among."""
    ranked = [arm for arm in (*paper(directions), *along_one(directions)) if not _repeats(arm)]
    found = [
        Family(arm, "random", matched(arm.panel, directions, seeds=SCORED_SEEDS)) for arm in ranked
    ]
    for arm in ranked:
        if arm.panel != Panel("flip", k=directions.default_k):
            continue
        drawn = matched(arm.panel, directions, basis="covariance", seeds=SCORED_SEEDS)
        shuffled = matched(arm.panel, directions, basis="shuffled")
        found.append(Family(arm, "covariance", drawn))
        found.append(Family(arm, "equal step", equal_step(arm.panel, directions)))
        found.append(Family(arm, "shuffled", shuffled))
    return tuple(family for family in found if family.seeds)


def _repeats(arm: Arm) -> bool:
    """Whether an arm is another dose of one that is ranked: additions that are not the chosen c."""
    return arm.panel.name == "actadd" and arm.label != INDUCING_LABEL
