"""How far the same prompts land from their stored coordinates at one layer, and what follows.

    t_share       rms of t - stored t, in standard deviations of t within a class
    spread_share  rms of z - stored z, in rms radii of a class; z are the principal components

A layer is `same` where both are at most .1. Else the mean shift, which a number format gives to all
prompts alike, is taken off; the layer is `usable` where both are then at most .25, and its maps are
moved by that shift. Else it is `unusable`, and only a fit in this number format helps.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts.evaluation_document import DriftEntry
from steering.maps.clusters import CLASSES
from steering.maps.layer_map import LayerMap

DriftVerdict = Literal["same", "usable", "unusable"]

SAME: Final = 0.1
"""Largest share at which the maps are the same (chosen: bfloat16 against itself in another batch
drifts by .01 to .04 of the spread)."""
USABLE: Final = 0.25
"""Largest share, once the mean shift is taken off, at which the maps are of use (chosen)."""


@dataclass(frozen=True)
class Drift:
    """How far the calibration prompts land from their stored coordinates at one layer.

    Attributes:
        layer: Block index; its input is compared.
        t_rms: Root mean square difference of t; 1 is the distance between the class means.
        t_share: The same in standard deviations of t within a class.
        spread_share: Root mean square distance in the principal components, in rms radii of a
            class.
        t_share_left: `t_share` once the mean shift is taken off.
        spread_share_left: `spread_share` once the mean shift is taken off.
        n: Calibration prompts.
        verdict: What follows.
        shift: Mean shift of the principal components, of t and of the second axis of the
            harm axis map, one after another; it is taken off where the verdict is `usable`.
    """

    layer: int
    t_rms: float
    t_share: float
    spread_share: float
    t_share_left: float
    spread_share_left: float
    n: int
    verdict: DriftVerdict
    shift: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """What was seen, for a reader."""
        seen = f"the same {self.n} prompts land {self.t_rms:.2f} of t away"
        if self.verdict == "same":
            return f"{seen}: the same map"
        left = f"{self.t_share_left:.2f} of the spread within a class"
        if self.verdict == "usable":
            return f"{seen}, {left} once their mean shift is taken off, as it is here: usable"
        worse = worst(self.t_share_left, self.spread_share_left)
        if not math.isfinite(worst(self.t_rms, self.t_share, self.spread_share, worse)):
            return f"the same {self.n} prompts land at no finite distance from there"
        return f"{seen}, and {worse:.2f} of the spread within a class is left without their shift"

    def as_dict(self) -> DriftEntry:
        """Return what a reader needs, as JSON types; a number that is not finite is None."""
        found = {
            name: value if not isinstance(value, float) or math.isfinite(value) else None
            for name, value in asdict(self).items()
            if name != "shift"
        }
        return cast(DriftEntry, found | {"sentence": self.sentence})


def compare(
    chart: LayerMap,
    states: Float[Tensor, "prompt d_model"],
    indices: Sequence[int],
    labels: Sequence[str],
) -> Drift:
    """Compare states with the stored coordinates of the same prompts at one layer.

    Args:
        chart: The maps at that layer.
        states: The prompts' states as they are here.
        indices: Which points of the maps these prompts are, none of them borderline.
        labels: The class of every point that the maps were fitted on.
    """
    stored = torch.cat([chart.coordinates, chart.harm_axis], dim=1).double()
    here = torch.cat([chart.clusters.coordinates(states), chart.harm(states)], dim=1).double()
    moved_by = here - stored[list(indices)]
    within = _within(stored[: chart.n_train], labels)
    t, rank = chart.coordinates.shape[1], chart.coordinates.shape[1]
    radius = within[:, :rank].square().sum(1).mean().sqrt()
    deviation = within[:, t].square().mean().sqrt()
    shift = moved_by.mean(0)

    def shares(steps: Tensor) -> tuple[float, float, float]:
        t_rms = steps[:, t].square().mean().sqrt()
        distance = steps[:, :rank].square().sum(1).mean().sqrt()
        return float(t_rms), float(t_rms / deviation), float(distance / radius)

    t_rms, t_share, spread_share = shares(moved_by)
    _, t_left, spread_left = shares(moved_by - shift)
    return Drift(
        layer=chart.layer,
        t_rms=t_rms,
        t_share=t_share,
        spread_share=spread_share,
        t_share_left=t_left,
        spread_share_left=spread_left,
        n=len(indices),
        verdict=verdict(worst(t_share, spread_share), worst(t_left, spread_left)),
        shift=tuple(shift.tolist()),
    )


def verdict(share: float, left: float) -> DriftVerdict:
    """Return what follows from the larger share, before and after the mean shift is taken off.

    Numbers that are not finite are of no use.
    """
    if not (math.isfinite(share) and math.isfinite(left)):
        return "unusable"
    if share <= SAME:
        return "same"
    return "usable" if left <= USABLE else "unusable"


def worst(*shares: float) -> float:
    """Return the largest share; NaN if one is not finite, which `max` may pass over."""
    return max(shares) if all(map(math.isfinite, shares)) else math.nan


def _within(stored: Float[Tensor, "prompt axis"], labels: Sequence[str]) -> Tensor:
    """Return each training prompt's step from the mean of its class."""
    steps = torch.empty_like(stored)
    for name in CLASSES:
        chosen = torch.tensor([label == name for label in labels])
        steps[chosen] = stored[chosen] - stored[chosen].mean(0)
    return steps


def moved(chart: LayerMap, shift: Sequence[float]) -> LayerMap:
    """Return maps that see a state as they saw it before it was moved by `shift`.

    The shift is known in the coordinates of the maps; the shortest move of the residual stream that
    has it is taken off.
    """
    w, _ = chart.axis()
    axes = torch.cat([chart.clusters.components, w[None], chart.rest[None]]).double()
    step = torch.linalg.lstsq(axes, torch.tensor(shift, dtype=torch.float64), driver="gelsd")
    by = step.solution
    return replace(
        chart,
        means=(chart.means.double() + by).float(),
        clusters=replace(chart.clusters, center=(chart.clusters.center.double() + by).float()),
    )
