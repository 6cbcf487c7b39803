"""Which panels play which role in the paper's claims, and what was measured of each, by prompt."""

import math
from collections.abc import Iterator, Mapping, Sequence

from steering.evaluation.answers import AnswerRow
from steering.evaluation.claims import Outcomes, Role
from steering.evaluation.evaluation_arms import (
    PAPER_C,
    addition,
    along_one,
    longest_addition,
    removal,
    removal_of_all,
)
from steering.evaluation.landings import PromptLanding
from steering.evaluation.matched_controls import matched
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse


def roles(directions: Directions) -> dict[str, tuple[Panel, ...]]:
    """Return the panels of each role that the claims name; several are seeds of a control.

    Without INLP those that need its directions are left out. The control of both additions has the
    longer vector of the two: what it does not do, a shorter one does less.
    """
    k, rank = directions.default_k, directions.inlp_rank
    found: dict[str, tuple[Panel, ...]] = {
        "baseline": (Panel("baseline"),),
        "actadd": (addition(directions),),
        "actadd_paper": (Panel("actadd", c=PAPER_C),),
        "ablation": (Panel("ablation"),),
        "random_actadd": matched(longest_addition(directions), directions),
    }
    if rank:
        flip, flip_all = Panel("flip", k=k), Panel("flip", k=rank)
        nullspace = removal(directions)
        found |= {
            "nullspace": (nullspace,),
            "nullspace_all": (removal_of_all(directions),),
            "flip": (flip,),
            "flip_all": (flip_all,),
            "mirror_one": tuple(a.panel for a in along_one(directions) if a.panel.name == "flip"),
            "random": matched(flip, directions),
            "random_nullspace": matched(nullspace, directions),
            "random_all": matched(flip_all, directions),
        }
    return {role: panels for role, panels in found.items() if panels}


def outcomes(
    rows: Sequence[AnswerRow],
    landed: Sequence[PromptLanding],
    directions: Directions,
    longer: Sequence[AnswerRow] = (),
) -> Outcomes:
    """Return what the claims are weighed by: a value a prompt, by role and measure.

    Panels are compared after resolving defaults; a role whose panels were not all
    measured is left out.

    Args:
        rows: Answers under every panel.
        landed: Where prompts landed under every panel; those at the layer of the edit and at the
            last layer count.
        directions: Fill in what the panels leave to the model.
        longer: Longer answers under some of the panels.
    """
    measured = _measured(rows, landed, directions, longer)
    found: dict[str, Role] = {}
    for role, panels in roles(directions).items():
        own = [measured.get(panel.resolved(directions)) for panel in panels]
        known = [each for each in own if each]
        if len(known) == len(own):
            found[role] = known
    return found


def _measured(
    rows: Sequence[AnswerRow],
    landed: Sequence[PromptLanding],
    directions: Directions,
    longer: Sequence[AnswerRow],
) -> dict[Panel, Mapping[str, Sequence[float | None]]]:
    """Return the values by resolved panel, then measure."""
    measured: dict[Panel, dict[str, list[float | None]]] = {}
    last = max((each.layer for each in landed), default=None)
    found = [*_of_answers(rows, ""), *_of_answers(longer, "_long")]
    found += _of_landings(landed, directions.inlp_layer, "")
    found += _of_landings(landed, last, "_later")
    settled = {panel: parse(panel).resolved(directions) for panel in {each[0] for each in found}}
    for panel, measure, value in found:
        measured.setdefault(settled[panel], {}).setdefault(measure, []).append(value)
    return dict(measured)


def _of_answers(rows: Sequence[AnswerRow], kind: str) -> Iterator[tuple[str, str, float | None]]:
    for row in rows:
        if row.group in ("harmful", "harmless"):
            yield row.panel, f"refused_{row.group}{kind}", float(has_refused(row))
            yield row.panel, f"looping{kind}", float(row.judgement.looping)
        if row.group == "harmless":
            yield row.panel, f"loss{kind}", loss_of(row)


def _of_landings(
    landed: Sequence[PromptLanding], layer: int | None, kind: str
) -> Iterator[tuple[str, str, float | None]]:
    for each in landed:
        if each.layer == layer:
            yield each.panel, f"t_{each.group}{kind}", each.t


def has_refused(row: AnswerRow) -> bool:
    """Whether an answer refuses, by the rules."""
    return row.judgement.refused


def loss_of(row: AnswerRow) -> float | None:
    """Mean negative log-probability of a token of the baseline's answer; None if not a number."""
    if row.perplexity is None or not math.isfinite(row.perplexity):
        return None
    return math.log(row.perplexity)
