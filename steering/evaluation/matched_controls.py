"""Controls that are matched to what they are the control of: the same edit along drawn directions.

Place, sites, rank and alpha are the edit's own (of an addition, the length); only the directions
are drawn. What an edit does beyond such a control is the directions' doing, its net effect: any
nudge of that size takes some refusals away.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from steering.errors import SteeringError
from steering.interventions.directions import Directions
from steering.interventions.panel import DRAWN, RANGES, Panel

RANDOM_SEEDS: Final = range(5)
"""Seeds of a control that answers (chosen: each costs what an arm costs)."""
SCORED_SEEDS: Final = range(20)
"""Seeds of a control of which only next tokens are read (chosen): a rank among 20 says 1 in 21."""
_KEPT: Final = ("k", "c", "basis", "seed")
"""Keys that a short text still spells out: they are of the model, or what a control is told by."""
_SCALED: Final = ("ablation", "nullspace", "flip")
"""Kinds whose whole step is alpha times a component: the others add, push, or read it aslant."""
_TRIED: Final = 10
"""Draws per seed that is wanted at most, where some cannot step as far (chosen)."""


def matched(
    panel: Panel,
    directions: Directions,
    *,
    basis: str = "random",
    seeds: Sequence[int] = RANDOM_SEEDS,
) -> tuple[Panel, ...]:
    """Return the same edit along drawn directions, one a seed; none for what needs none.

    Args:
        panel: An edit along found directions; the baseline and controls have no control.
        directions: Fill in what the panel leaves to the model.
        basis: `random`, `covariance` or `shuffled`.
        seeds: Of the draws.
    """
    whole = panel.resolved(directions)
    if whole.name == "baseline" or whole.basis in DRAWN:
        return ()
    found = [shortest(replace(whole, basis=basis, seed=seed), directions) for seed in seeds]
    return tuple(found) if all(can_act(each, directions) for each in found) else ()


def equal_step(
    panel: Panel, directions: Directions, *, seeds: int = len(SCORED_SEEDS)
) -> tuple[Panel, ...]:
    """Return the same edit along random directions, at the alpha that moves states as far.

    As far in root mean square over the training prompts, at the input of the block. Directions
    that would need more than the largest alpha are passed over.

    Args:
        panel: A projection or mirror along found directions.
        directions: With the controls' fit; without it, or for other kinds, there are none.
        seeds: How many.
    """
    whole = panel.resolved(directions)
    controls = directions.controls
    if controls is None or not whole.alpha or whole.basis in DRAWN or whole.name not in _SCALED:
        return ()
    if whole.point not in controls.shapes:
        return ()
    shape = controls.shapes[whole.point]
    wanted = shape.mean_square(whole.subspace(directions).basis)
    found: list[Panel] = []
    for seed in range(_TRIED * seeds):
        drawn = replace(whole, basis="random", seed=seed)
        if not can_act(drawn, directions) or len(found) == seeds:
            break
        step = shape.mean_square(drawn.subspace(directions).basis)
        alpha = round(whole.alpha * math.sqrt(wanted / step), 3)
        if alpha <= RANGES["alpha"][1]:
            found.append(shortest(replace(drawn, alpha=alpha), directions))
    return tuple(found)


def shortest(panel: Panel, directions: Directions) -> Panel:
    """Return the panel without what the model's defaults say anyway, but for rank, c and seed."""
    whole = panel.resolved(directions)
    for key in panel.settings:
        shorter = replace(panel, **{key: None})  # type: ignore[arg-type]
        if key not in _KEPT and shorter.resolved(directions) == whole:
            panel = shorter
    return panel


def can_act(panel: Panel, directions: Directions) -> bool:
    """Whether a model can do it: directions may be known at some places only."""
    try:
        panel.edit(directions)
    except SteeringError:
        return False
    return True
