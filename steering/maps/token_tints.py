"""How a token looks to the map, whichever position it stands at.

t is measured between the class means of one template position, and the tokens of a template look
harmless or harmful by themselves: two of the default model's read .83 to .90 for every request. So
a template token is tinted relative to the mean of harmless requests at its own position, which is
t = 1 there. Of the request's own words no such mean is known: they keep their t.
"""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.interventions.class_definitions import LABEL
from steering.interventions.directions import Directions
from steering.maps.model_maps import Maps

_HARMLESS: Final = 1.0
"""t of the mean of harmless requests."""


def shifts(directions: Directions, maps: Maps) -> dict[int, Float[Tensor, " layer"]]:
    """Return by how much t of the mean harmless request lies off 1, by template position.

    The position that the maps read has none: its t is the landing coordinate itself. Empty where no
    means are known.

    Args:
        directions: Hold the means of harmless training requests; those of all, if there are such.
        maps: Their layers and axes.
    """
    means = directions.of(LABEL).harmless_mean
    if means is None or directions.points is not None:
        return {}
    return {
        position: torch.cat(
            [maps.at(layer).t(means[index, layer][None]) - _HARMLESS for layer in maps.layers]
        )
        for index, position in enumerate(directions.positions)
        if position != maps.position
    }


def relative(
    t: Float[Tensor, "token layer"], length: int, shifts: Mapping[int, Float[Tensor, " layer"]]
) -> Float[Tensor, "token layer"]:
    """Return t of tokens, those of the template relative to their own position.

    Args:
        t: Of a request's tokens and perhaps of an answer's behind them.
        length: Tokens of the rendered request.
        shifts: What `shifts` returned.
    """
    found = t.clone()
    for position, shift in shifts.items():
        if length + position >= 0:
            found[length + position] -= shift
    return found
