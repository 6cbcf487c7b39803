"""The arms of a comparison: the paper's interventions, doses beyond them, and the controls.

A claim about directions needs arms that do as much to the model without the directions: the same
edit along drawn directions (`matched_controls`), the same mirror along the difference in means or
about the midpoint of the class means, and the same edit at a layer that nothing recommends. All of
them answer; what is read by next tokens alone is in `scored_arms`.

What the paper's table was made with is not known. Two settings have a name here: that of the code
which we take for its authors' (a projection or mirror acts on three sites of one block), and that
of Arditi et al. 2024 (ablation acts so at every block).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from steering.evaluation.evaluation_options import ERASERS
from steering.evaluation.matched_controls import matched, shortest
from steering.interventions.directions import Directions
from steering.interventions.outline import start_of
from steering.interventions.panel import Panel

ArmKind = Literal["baseline", "paper", "beyond", "control"]
INDUCING_LABEL: Final = "activation addition, inducing"
"""Label of the addition at the coefficient that was chosen for the model."""
PAPER_C: Final = 1.0
"""Coefficient at which the paper induces refusal: one length of the difference in means."""


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
    rank = directions.inlp_rank
    found = core(directions)
    found += random_arms("a random direction added", longest_addition(directions), directions)
    if not rank:
        return distinct(found)
    flip = Panel("flip", k=directions.default_k)
    found += [
        Arm("nullspace projection, all directions", "beyond", removal_of_all(directions)),
        Arm("counterfactual flipping, all directions", "beyond", Panel("flip", k=rank)),
        Arm("flip, harmful side only", "beyond", replace(flip, side="harmful")),
        Arm("flip along the first direction", "beyond", Panel("flip", k=1)),
        *along_one(directions),
        *random_arms("nullspace of random directions", removal(directions), directions),
        *random_arms(f"random subspace of rank {rank}", Panel("flip", k=rank), directions),
        *shuffled_arms(flip, directions),
    ]
    # The paper's come first, then doses and forms beyond them, then the controls.
    kinds: tuple[ArmKind, ...] = ("baseline", "paper", "beyond", "control")
    return distinct([arm for kind in kinds for arm in found if arm.kind == kind])


def core(directions: Directions) -> list[Arm]:
    """Return the baseline, the paper's interventions, and the controls of the whole."""
    found = [BASELINE, *paper(directions), *controls(directions.default_k, directions)]
    return [*found, *random_ablations(directions)]


def paper(directions: Directions) -> tuple[Arm, ...]:
    """Return the paper's interventions, at the settings that have a name."""
    k = directions.default_k
    source = Panel("ablation", where="source")
    found = [
        Arm("activation addition, suppressing", "paper", Panel("actadd", c=-PAPER_C)),
        Arm(INDUCING_LABEL, "paper", addition(directions)),
        Arm("activation addition, the paper's coefficient", "paper", Panel("actadd", c=PAPER_C)),
        Arm("directional ablation, as in Arditi et al.", "paper", Panel("ablation")),
        Arm("directional ablation, as in the authors' code", "paper", source),
    ]
    if directions.inlp_rank:
        flip = Panel("flip", k=k)
        block = replace(flip, sites="block")
        found += [
            Arm("nullspace projection, as in the authors' code", "paper", removal(directions)),
            Arm("counterfactual flipping", "paper", flip),
            Arm("counterfactual flipping, as in the authors' code", "paper", block),
        ]
    return distinct(found)


def addition(directions: Directions) -> Panel:
    """Return the addition that induces refusal, at the coefficient chosen for the model."""
    return Panel("actadd", c=directions.default_c)


def removal(directions: Directions) -> Panel:
    """Return nullspace projection at the point and rank that were chosen by it."""
    return Panel("nullspace", k=start_of(directions, "nullspace").k)


def removal_of_all(directions: Directions) -> Panel:
    """Return nullspace projection along all directions that flipping takes at its own point.

    So the two differ in alpha alone, as where they land is compared.
    """
    (position, layer), rank = directions.inlp_point, directions.inlp_rank
    panel = Panel("nullspace", k=rank, layer=layer, position=position)
    return shortest(panel, directions)


def longest_addition(directions: Directions) -> Panel:
    """Return the longer of the additions at the chosen and at the paper's coefficient."""
    return Panel("actadd", c=max(PAPER_C, directions.default_c))


def along_one(directions: Directions) -> tuple[Arm, ...]:
    """Return the paper's two edits along INLP's directions, along the difference in means instead.

    At INLP's own place, so that they differ from the paper's in their directions alone.
    """
    position, layer = directions.inlp_point
    if directions.points is not None and directions.inlp_point not in directions.points:
        return ()
    if not directions.raw(directions.inlp_point).any():
        return ()
    found = {
        "mirror along the difference in means, at INLP's place": Panel("flip", basis="dim"),
        "ablation of the difference in means, at INLP's place": Panel("ablation", where="source"),
    }
    return tuple(
        Arm(label, "control", shortest(replace(p, layer=layer, position=position), directions))
        for label, p in found.items()
    )


def arms_of(panels: Sequence[Panel], directions: Directions) -> tuple[Arm, ...]:
    """Return a comparison of chosen panels with the baseline and the controls.

    Every rank along INLP directions that is chosen has its random subspaces; the other controls
    have the first of these, or the default rank. Ablation, in whatever form, has random directions
    ablated at every block, and other erasers have their own random controls.
    """
    ranks = [
        panel.resolved(directions).k
        for panel in panels
        if panel.name in ("flip", "nullspace") and panel.basis is None
    ]
    known = [k for k in ranks if k] or [directions.default_k]
    chosen = [Arm(str(panel), "beyond", panel) for panel in panels if panel.name != "baseline"]
    found = [BASELINE, *chosen, *controls(known[0], directions)]
    found += [arm for k in known[1:] for arm in random_subspaces(k, directions)]
    if any(panel.name == "ablation" for panel in panels):
        found += random_ablations(directions)
    for panel in panels:
        if panel.name in ERASERS:
            found += random_arms(f"random {panel}", panel, directions)
    return distinct(found)


def controls(k: int, directions: Directions) -> tuple[Arm, ...]:
    """Return what an edit along `k` INLP directions has to be compared with."""
    wrong = wrong_layer(k, directions)
    reflection = Arm(
        "reflection along the difference in means", "control", Panel("flip", basis="dim")
    )
    if not directions.inlp:
        return *random_subspaces(1, directions), reflection
    return (
        *random_subspaces(k, directions),
        reflection,
        Arm("flip about the midpoint", "control", Panel("flip", k=k, center="midpoint")),
        *([Arm(f"flip at layer {wrong.layer}", "control", wrong)] if wrong else []),
    )


def random_subspaces(k: int, directions: Directions) -> tuple[Arm, ...]:
    """Return the mirror in `k` random directions, the control of flipping along INLP's."""
    flip = Panel("flip", k=k) if directions.inlp else Panel("flip", basis="dim")
    return random_arms(f"random subspace of rank {k}", flip, directions)


def random_ablations(directions: Directions) -> tuple[Arm, ...]:
    """Return directional ablation of random directions, one each: at every block, on all sites."""
    return random_arms("ablation of a random direction", Panel("ablation"), directions)


def shuffled_arms(panel: Panel, directions: Directions) -> tuple[Arm, ...]:
    """Return an edit along what INLP finds on shuffled labels; none where that is not stored."""
    found = matched(panel, directions, basis="shuffled")
    return _numbered(f"INLP on shuffled labels, rank {panel.k}", found)


def random_arms(label: str, panel: Panel, directions: Directions) -> tuple[Arm, ...]:
    """Return the matched random controls of a panel, one a seed."""
    return _numbered(label, matched(panel, directions))


def _numbered(label: str, panels: Iterable[Panel]) -> tuple[Arm, ...]:
    return tuple(Arm(f"{label}, {panel.seed}", "control", panel) for panel in panels)


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
