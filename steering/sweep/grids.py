"""What is swept: grids of panels over rank, alpha, coefficient, layer and point."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from steering.evaluation import evaluation_arms
from steering.interventions.directions import Directions
from steering.interventions.outline import start_of
from steering.interventions.panel import Panel, parse

RANKS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Ranks of the default grid, as far as INLP kept them; all of its directions come last."""
ALPHAS: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
COEFFICIENTS: Final = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
ABLATIONS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
LAYERS: Final = 6
"""About how many layers the default grid looks at (chosen: a coarse look)."""

Grid = Mapping[str, Sequence[Panel]]
"""Panels by the name of the grid they belong to; a panel may be in several."""


def expand(text: str) -> list[Panel]:
    """Read a grid: a panel's text form with alternatives, as in `flip:k=1|2|4,alpha=1|2`.

    Raises:
        SteeringError: If one of the panels cannot be read.
    """
    name, _, rest = text.strip().partition(":")
    alternatives = [
        [f"{key}={value}" for value in values.split("|")]
        for key, _, values in (item.partition("=") for item in rest.split(",") if rest)
    ]
    settings = (",".join(chosen) for chosen in itertools.product(*alternatives))
    return [parse(f"{name}:{chosen}" if chosen else name) for chosen in settings]


def default_grid(directions: Directions) -> dict[str, list[Panel]]:
    """Return the grids that answer most questions in minutes on a small model.

    Without INLP they are those of the difference in means.
    """
    rank = directions.inlp_rank
    if not rank:
        return _along_difference(directions)
    removed = directions.inlp_ranks[start_of(directions, "nullspace").point]
    position = directions.inlp_point[0]
    fitted = sorted(layer for p, layer in directions.inlp if p == position)
    layers = fitted[:: max(1, len(fitted) // LAYERS)]
    return {
        "rank x alpha": [Panel("flip", k=k, alpha=alpha) for k in _ranks(rank) for alpha in ALPHAS],
        "nullspace by rank": [Panel("nullspace", k=k) for k in _ranks(removed)],
        "coefficient": [Panel("actadd", c=c) for c in COEFFICIENTS],
        "ablation by alpha": [Panel("ablation", alpha=alpha) for alpha in ABLATIONS],
        "flip by layer": [
            evaluation_arms.flip_at(directions.default_k, directions, layer) for layer in layers
        ],
        "ablation by layer": [Panel("ablation", layer=each, where="source") for each in layers],
        "where": [
            Panel(name, where=where)
            for name in ("ablation", "nullspace", "flip")
            for where in ("source", "all")
        ],
    }


def _ranks(rank: int) -> list[int]:
    return [*(k for k in RANKS if k < rank), rank]


def _along_difference(directions: Directions) -> dict[str, list[Panel]]:
    position = directions.dim_point[0]
    every = range(1, directions.n_layers)
    known = [
        layer
        for layer in every
        if directions.points is None or (position, layer) in directions.points
    ]
    layers = known[:: max(1, len(known) // LAYERS)]
    return {
        "coefficient": [Panel("actadd", c=c) for c in COEFFICIENTS],
        "ablation by alpha": [Panel("ablation", alpha=alpha) for alpha in ABLATIONS],
        "ablation by layer": [Panel("ablation", layer=each, where="source") for each in layers],
        "where": [Panel("ablation", where=where) for where in ("source", "all")],
    }


def reference_points(directions: Directions) -> dict[str, Panel]:
    """Return the labelled points of the frontier: the paper's four interventions and controls.

    Random subspaces have the starting rank alone, as the interventions do. What no card can be set
    to, other sites than an edit's own, is left to the evaluation: a click on a point sets a card.
    """
    return {
        f"control: {arm.label}" if arm.kind == "control" else arm.label: arm.panel
        for arm in evaluation_arms.core(directions)
        if arm.panel.sites is None
    }
