"""How principal components are shown: which two of them in the plane, and how they are turned.

The component of most variance need not tell the classes apart: on the default model the classes
differ in the third one at the layers 15 to 22. So the plane shows the first component and, of the
other two, the one in which the class means differ more; the left one is the third axis in space.
Where they differ about as little in both, the plane is the one that goes on from the layer before.

Between layers components trade places and signs, and a cloud would jump for no reason. So the plane
is turned within itself towards that of the layer before (orthogonal Procrustes: the rotation or
reflection R with the least |A R - B|, from the singular vectors of A^T B; Schoenemann 1966,
doi:10.1007/BF02289451). What a plane explains is the same however it is turned. One rotation for
all layers puts the harmless class of the last one on the right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

CLEAR = 0.15
"""Shares of the difference that far apart decide which component is shown (chosen)."""

Pair = tuple[int, int]
"""Indices of the two components of a plane, the one that explains more first."""


@dataclass(frozen=True, eq=False)
class PcaView:
    """How three principal components are shown at every layer.

    Attributes:
        pairs: The two components of the plane, at each layer.
        turns: Orthogonal matrices: coordinates in the components times this are the shown ones, of
            which the first two are the plane's. Row i is where component i points.
        difference: Share of the squared distance between the class means that lies along each
            component; below 1 in sum, since there are more than three.
    """

    pairs: tuple[Pair, ...]
    turns: Float[np.ndarray, "layer 3 3"]
    difference: Float[np.ndarray, "layer 3"]

    def shown(
        self, index: int, places: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 3"]:
        """Return places as they are shown at a layer, the `index`-th of those that have maps."""
        shown: NDArray[np.floating[Any]] = (places @ self.turns[index]).astype(places.dtype)
        return shown


def fit(
    places: Float[np.ndarray, "layer point 3"],
    labels: Sequence[str],
    means: Float[np.ndarray, "layer 2 d_model"],
) -> PcaView:
    """Choose the plane of every layer and turn it towards the layer before.

    Args:
        places: Every point in the first three principal components.
        labels: The set of each point; what is neither harmful nor harmless decides nothing.
        means: The class means that the components were fitted around, harmful first.
    """
    harmful, harmless = (np.array(labels) == name for name in ("harmful", "harmless"))
    exact = places.astype(np.float64)
    gaps = exact[:, harmless].mean(1) - exact[:, harmful].mean(1)
    whole = np.square(means[:, 1].astype(np.float64) - means[:, 0]).sum(-1, keepdims=True)
    difference = np.square(gaps) / whole
    pairs: list[Pair] = []
    turns: list[NDArray[np.float64]] = []
    before: NDArray[np.float64] | None = None
    for here, share in zip(exact[:, harmful | harmless], difference, strict=True):
        pairs.append(_pair(here, share, before))
        turns.append(_turn(here, pairs[-1], before))
        before = here @ turns[-1]
    across, up = (gaps[-1] @ turns[-1])[:2]
    angle = np.arctan2(up, across)
    level = np.eye(3)
    level[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return PcaView(tuple(pairs), np.stack(turns) @ level, difference)


def _pair(
    here: NDArray[np.float64], share: NDArray[np.float64], before: NDArray[np.float64] | None
) -> Pair:
    """Return the components that are shown; of the two later ones, `share` decides if it is clear.

    Else that plane which, turned at best, is more like the one before: the larger cosine between
    both clouds as vectors, which is the sum of the singular values over both norms.
    """
    if before is None or abs(share[1] - share[2]) >= CLEAR:
        return 0, 1 + int(share[2] > share[1])
    planes = [here[:, (0, other)] for other in (1, 2)]
    alike = [
        np.linalg.svd(plane.T @ before[:, :2], compute_uv=False).sum() / np.linalg.norm(plane)
        for plane in planes
    ]
    return 0, 1 + int(alike[1] > alike[0])


def _turn(
    here: NDArray[np.float64], pair: Pair, before: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return how one layer's components are turned towards the places shown before."""
    left = 3 - sum(pair)
    turn = np.zeros((3, 3))
    if before is None:
        turn[pair, (0, 1)] = 1.0
        turn[left, 2] = 1.0
        return turn
    first, _, second = np.linalg.svd(here[:, pair].T @ before[:, :2])
    turn[np.ix_(pair, (0, 1))] = first @ second
    turn[left, 2] = -1.0 if here[:, left] @ before[:, 2] < 0 else 1.0
    return turn
