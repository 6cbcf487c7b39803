"""Which training prompts lie nearest to a state, in all that the maps keep of a layer.

What a map shows has two or three coordinates; the maps' file keeps up to 24 principal components of
every prompt (`clusters.MAX_RANK`). They are orthonormal, so the Euclidean distance between two
points in them is the distance between the states themselves, but for what the components leave out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class KeptComponents:
    """What the maps keep of every prompt.

    Attributes:
        places: Principal components of each point, in the units of the residual stream.
        share: Of the training prompts' variance that they explain, by layer, from 0 to 1.
        d_model: Width of the residual stream that they are taken from.
    """

    places: Float[np.ndarray, "layer point rank"]
    share: Float[np.ndarray, " layer"]
    d_model: int

    def of(self, index: int, point: int) -> Float[np.ndarray, " rank"]:
        """Return the place of a point at a layer, the `index`-th of those that have maps."""
        place: Float[np.ndarray, " rank"] = self.places[index, point]
        return place

    def nearest(self, index: int, place: Float[np.ndarray, " rank"]) -> list[tuple[int, float]]:
        """Return all points by their Euclidean distance from a place, the nearest one first.

        Args:
            index: Of the layer.
            place: Principal components at that layer.

        Returns:
            Index and distance of each point, in the units of the residual stream; of equally near
            ones the first stands first.
        """
        steps = self.places[index].astype(np.float64) - place.astype(np.float64)
        apart = np.sqrt(np.square(steps).sum(-1))
        order = np.argsort(apart, kind="stable")
        return list(zip(order.tolist(), apart[order].tolist(), strict=True))
