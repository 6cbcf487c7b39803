"""Which panels play which role in the paper's claims, and what was measured of each, by prompt."""

import math
from collections.abc import Mapping, Sequence

from steering.evaluation.answers import AnswerRow
from steering.evaluation.claims import Outcomes, averaged
from steering.evaluation.evaluation_arms import RANDOM_SEEDS
from steering.evaluation.landings import PromptLanding
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse


def roles(directions: Directions) -> dict[str, tuple[Panel, ...]]:
    """Return the panels of each role that `claims.CLAIMS` names; several are averaged.

    Without INLP those that need its directions are left out.
    """
    k, rank = directions.default_k, directions.inlp_rank
    along_difference: dict[str, tuple[Panel, ...]] = {
        "baseline": (Panel("baseline"),),
        "actadd": (Panel("actadd", c=directions.default_c),),
        "ablation": (Panel("ablation"),),
    }
    if not rank:
        return along_difference
    return along_difference | {
        "nullspace": (Panel("nullspace", k=k),),
        "nullspace_all": (Panel("nullspace", k=rank),),
        "flip": (Panel("flip", k=k),),
        "flip_all": (Panel("flip", k=rank),),
        "random": tuple(Panel("flip", k=k, basis="random", seed=seed) for seed in RANDOM_SEEDS),
        "random_all": tuple(
            Panel("flip", k=rank, basis="random", seed=seed) for seed in RANDOM_SEEDS
        ),
    }


def outcomes(
    rows: Sequence[AnswerRow], landed: Sequence[PromptLanding], directions: Directions
) -> Outcomes:
    """Return what the claims are weighed by: a value a prompt, by role and measure.

    Panels are compared after resolving defaults; a role whose panels were not all
    measured is left out.

    Args:
        rows: Answers under every panel.
        landed: Where prompts landed under every panel; only those at the layer of the edit count.
        directions: Fill in what the panels leave to the model.
    """
    measured = _measured(rows, landed, directions)
    found: dict[str, Mapping[str, Sequence[float | None]]] = {}
    for role, panels in roles(directions).items():
        own = [measured.get(panel.resolved(directions)) for panel in panels]
        if all(own):
            known = [each for each in own if each]
            found[role] = known[0] if len(known) == 1 else averaged(known)
    return found


def _measured(
    rows: Sequence[AnswerRow], landed: Sequence[PromptLanding], directions: Directions
) -> dict[Panel, dict[str, list[float | None]]]:
    """Return the values by resolved panel, then measure."""
    measured: dict[Panel, dict[str, list[float | None]]] = {}

    def add(panel: str, measure: str, value: float | None) -> None:
        whole = parse(panel).resolved(directions)
        measured.setdefault(whole, {}).setdefault(measure, []).append(value)

    for row in rows:
        if row.group in ("harmful", "harmless"):
            add(row.panel, f"refused_{row.group}", float(has_refused(row)))
            add(row.panel, "looping", float(row.judgement.looping))
        if row.group == "harmless":
            add(row.panel, "loss", loss_of(row))
    for landing in landed:
        if landing.layer == directions.inlp_layer:
            add(landing.panel, f"t_{landing.group}", landing.t)
    return measured


def has_refused(row: AnswerRow) -> bool:
    """Whether an answer refuses, by the rules."""
    return row.judgement.refused


def loss_of(row: AnswerRow) -> float | None:
    """Mean negative log-probability of a token of the baseline's answer; None if not a number."""
    if row.perplexity is None or not math.isfinite(row.perplexity):
        return None
    return math.log(row.perplexity)
