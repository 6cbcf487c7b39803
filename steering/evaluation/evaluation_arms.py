"""The arms of a comparison: the paper's interventions, doses beyond them, and the controls.

A claim about directions needs arms that do as much to the model without the directions: random
subspaces of the same rank, the same reflection along the difference in means or about the midpoint
of the class means, and the same edit at a layer that nothing recommends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from steering.interventions.directions import Directions
from steering.interventions.panel import Panel

ArmKind = Literal["baseline", "paper", "beyond", "control"]
RANDOM_SEEDS: Final = range(5)


@dataclass(frozen=True)
class Arm:
    """One panel of a comparison, and what it is there for.

    Attributes:
        label: Name in words.
        kind: `baseline`; `paper`, one of its four interventions; `beyond`, another dose or form of
            these; `control`.
        panel: What is done.
    """

    label: str
    kind: ArmKind
    panel: Panel


BASELINE: Final = Arm("baseline", "baseline", Panel("baseline"))


def arms(directions: Directions) -> tuple[Arm, ...]:
    """Return the whole comparison for a model: every rank and coefficient spelt out."""
    k, rank = directions.default_k, directions.inlp_rank
    flip = Panel("flip", k=k)
    along_difference = (
        Arm("activation addition, suppressing", "paper", Panel("actadd", c=-1.0)),
        Arm("activation addition, inducing", "paper", Panel("actadd", c=directions.default_c)),
        Arm("directional ablation", "paper", Panel("ablation")),
    )
    if not rank:
        found = [BASELINE, *along_difference, *controls(1, directions), *random_ablations()]
        return distinct(found)
    interventions = (
        *along_difference,
        Arm("nullspace projection", "paper", Panel("nullspace", k=k)),
        Arm("counterfactual flipping", "paper", flip),
        Arm("nullspace projection, all directions", "beyond", Panel("nullspace", k=rank)),
        Arm("counterfactual flipping, all directions", "beyond", Panel("flip", k=rank)),
        Arm("flip, harmful side only", "beyond", replace(flip, side="harmful")),
    )
    found = [BASELINE, *interventions, *controls(k, directions)]
    return distinct([*found, *random_subspaces(rank), *random_ablations()])


def arms_of(panels: Sequence[Panel], directions: Directions) -> tuple[Arm, ...]:
    """Return a comparison of chosen panels with the baseline and the controls.

    Every rank along INLP directions that is chosen has its random subspaces; the other controls
    have the first of these, or the default rank. Ablation, in whatever form, has random directions
    ablated at every block.
    """
    ranks = [
        panel.resolved(directions).k
        for panel in panels
        if panel.name in ("flip", "nullspace") and panel.basis is None
    ]
    known = [k for k in ranks if k] or [directions.default_k]
    chosen = [Arm(str(panel), "beyond", panel) for panel in panels if panel.name != "baseline"]
    found = [BASELINE, *chosen, *controls(known[0], directions)]
    found += [arm for k in known[1:] for arm in random_subspaces(k)]
    if any(panel.name == "ablation" for panel in panels):
        found += random_ablations()
    return distinct(found)


def controls(k: int, directions: Directions) -> tuple[Arm, ...]:
    """Return what an edit along `k` INLP directions has to be compared with."""
    wrong = wrong_layer(k, directions)
    reflection = Arm(
        "reflection along the difference in means", "control", Panel("flip", basis="dim")
    )
    if not directions.inlp:
        return *random_subspaces(1), reflection
    return (
        *random_subspaces(k),
        reflection,
        Arm("flip about the midpoint", "control", Panel("flip", k=k, center="midpoint")),
        *([Arm(f"flip at layer {wrong.layer}", "control", wrong)] if wrong else []),
    )


def random_subspaces(k: int) -> tuple[Arm, ...]:
    """Return the mirror in `k` random directions, the control of both edits along INLP's."""
    return tuple(
        Arm(
            f"random subspace of rank {k}, {seed}",
            "control",
            Panel("flip", k=k, basis="random", seed=seed),
        )
        for seed in RANDOM_SEEDS
    )


def random_ablations() -> tuple[Arm, ...]:
    """Return directional ablation of random directions, one each: at every block, on all sites."""
    one = Panel("nullspace", k=1, basis="random", where="all")
    return tuple(
        Arm(f"ablation of a random direction, {seed}", "control", replace(one, seed=seed))
        for seed in RANDOM_SEEDS
    )


def wrong_layer(k: int, directions: Directions) -> Panel | None:
    """Return the flip at the fitted layer nearest to half the chosen depth; None if none is."""
    position, chosen = directions.inlp_point
    others = [layer for p, layer in directions.inlp if p == position and layer != chosen]
    if not others:
        return None
    return flip_at(k, directions, min(others, key=lambda layer: (abs(layer - chosen // 2), layer)))


def flip_at(k: int, directions: Directions, layer: int) -> Panel:
    """Return the flip at another layer, of rank `k` as far as INLP kept one there."""
    rank = directions.subspace("inlp", (directions.inlp_point[0], layer)).rank
    return Panel("flip", k=min(k, rank), layer=layer)


def distinct(found: Sequence[Arm]) -> tuple[Arm, ...]:
    """Return the arms whose panels differ, the first of each."""
    first: dict[Panel, Arm] = {}
    for arm in found:
        first.setdefault(arm.panel, arm)
    return tuple(first.values())
