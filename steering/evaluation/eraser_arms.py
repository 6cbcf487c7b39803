"""More erasers as arms: LEACE, affine concept editing and AlterRep, each with its random control.

They are no part of the comparison unless asked for (`evaluate --erasers`): every arm answers every
prompt. Each stands beside what it is nearest to: LEACE (another reader and centre) and ACE at c = 0
(another centre) beside the ablation of the same direction at the same place and site, AlterRep
beside the flip.
"""

from collections.abc import Sequence
from typing import Final

from steering.evaluation.evaluation_arms import Arm, distinct, random_arms
from steering.evaluation.matched_controls import can_act
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel

INDUCING_ACE: Final = 1.0
"""Coefficient of ACE that puts states where harmful requests lie (Marshall et al. 2024)."""


def erasers(directions: Directions) -> tuple[Arm, ...]:
    """Return the erasers that a model's directions allow, and five random controls of each.

    LEACE needs the covariance of the states, ACE the class means, AlterRep INLP.
    """
    wanted = {
        "LEACE": Panel("leace"),
        "affine concept editing, to harmless": Panel("ace", c=0.0),
        "affine concept editing, to harmful": Panel("ace", c=INDUCING_ACE),
        "ablation at one block's input": Panel("ablation", where="source", sites="input"),
    }
    if directions.inlp_rank:
        k = directions.default_k
        wanted["AlterRep, to the harmless side"] = Panel("alterrep", k=k, c=-1.0)
        wanted["AlterRep, to the harmful side"] = Panel("alterrep", k=k, c=1.0)
    found: list[Arm] = []
    for label, panel in wanted.items():
        if can_act(panel, directions):
            found += [
                Arm(label, "beyond", panel),
                *random_arms(f"random {label}", panel, directions),
            ]
    return tuple(found)


def with_erasers(arms: Sequence[Arm], directions: Directions) -> tuple[Arm, ...]:
    """Return a comparison and behind it, in their own order, the erasers that are not in it yet."""
    return distinct([*arms, *erasers(directions)])
