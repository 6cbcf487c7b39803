"""UMAP, fitted once, stored as numbers, restored exactly; places new points by its own transform.

McInnes, Healy & Melville 2018, arXiv:1802.03426, as umap-learn has it. umap-learn fits differently
on every machine, and its pickles would run code. What is stored are the coordinates it was fitted
on and the embedding; a fit of zero epochs that starts at the stored embedding rebuilds the rest,
and the stored embedding is put back, since that fit rescales it.

Placing differs from a plain `UMAP().transform` in three settings. Measured on the default model at
layers 8, 17 and 23, fitted on 150 + 150 prompts, 42 + 42 others placed:
- No repulsion. It draws random points with a generator that is seeded by the bits of the starting
  place, so that a relative change of 1e-6 moved a point by 0.1 units in the median and by up to
  3.7, on maps 6 to 24 units wide. Without it the change is below 0.001, a training prompt lands
  nearer to its own place (0.12 units against 0.27), and a new one keeps as many of its 15 nearest
  neighbours (63, 53 and 44 % against 60, 50 and 44 %).
- Points are placed one by one: umap-learn scales its steps by the whole batch.
- A mean over the 15 nearest training prompts (weights 1/distance) would need no numba, but keeps
  fewer of them nearest on the map: 62, 51 and 38 % against 68, 58 and 50 % (default model, layers
  8, 17 and 23, fitted on 288 prompts, 96 others placed).
- Distances are given, not computed by umap-learn: the places are the same to the last bit and half
  of the compilation goes.
"""

import threading
import warnings
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from torch import Tensor

from steering.system import cache_folders

N_NEIGHBORS = 15
"""Neighbours that UMAP keeps together (umap-learn's default)."""
MIN_DIST = 0.1
"""How close points may be packed, in the units of the map (umap-learn's default)."""

_ONE_AT_A_TIME = threading.Lock()
"""numba's fallback threading layer ends the process when two threads enter its parallel kernels."""


def fit_umap(coordinates: Float[Tensor, "prompt rank"], *, seed: int) -> Float[Tensor, "prompt 2"]:
    """Return UMAP's embedding of training prompts; it starts at the first two components.

    Args:
        coordinates: Principal components of the training prompts.
        seed: Of the optimisation; fixes the result on one machine, not across machines.
    """
    fitted = _fit(coordinates, init=coordinates[:, :2].numpy(), random_state=seed)
    return torch.from_numpy(fitted.embedding_)


class Layout:
    """A stored embedding that takes new points."""

    def __init__(
        self, coordinates: Float[Tensor, "prompt rank"], embedding: Float[Tensor, "prompt 2"]
    ) -> None:
        self._coordinates = coordinates
        stored = embedding.numpy().copy()
        self._reducer = _fit(
            coordinates, init=stored, n_epochs=0, repulsion_strength=0.0, random_state=0
        )
        self._reducer.embedding_ = stored
        # Left at 0, the transform would divide by it; None is umap-learn's default for placing.
        self._reducer.n_epochs = None

    def place(self, coordinates: Float[Tensor, "point rank"]) -> Float[Tensor, "point 2"]:
        """Return where new points land; each depends on its own coordinates only.

        UMAP always puts a point among its neighbours, however far away they are: whether it is
        off the map is for `Landing` to say.
        """
        if not len(coordinates):
            return torch.empty(0, 2)
        apart = _distances(coordinates, self._coordinates)
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Transforming new data with precomputed")
            placed = [self._reducer.transform(row[None].numpy()) for row in apart]
        return torch.from_numpy(np.concatenate(placed))


def _fit(coordinates: Tensor, **settings: Any) -> Any:  # noqa: ANN401 - umap-learn is untyped
    size = len(coordinates)
    # umap-learn takes given distances of this few points without compiling a search only as a
    # sparse matrix: one with every entry in it, since an absent one would mean "no neighbour".
    apart = csr_matrix(
        (
            _distances(coordinates, coordinates).fill_diagonal_(0.0).flatten().numpy(),
            np.tile(np.arange(size, dtype=np.int32), size),
            np.arange(0, size * size + 1, size, dtype=np.int32),
        )
    )
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed")
        warnings.filterwarnings("ignore", message="using precomputed metric")
        # Importing numba takes seconds: who looks at no UMAP shall not wait for it.
        cache_folders.prepare_numba()
        from umap import UMAP

        reducer = UMAP(
            n_neighbors=min(N_NEIGHBORS, size - 1),
            min_dist=MIN_DIST,
            metric="precomputed",
            n_jobs=1,
            **settings,
        )
        return reducer.fit(apart)


def _distances(points: Tensor, others: Tensor) -> Tensor:
    # From differences: the usual expanded squares cancel where two points are close.
    return torch.cdist(
        points.double(), others.double(), compute_mode="donot_use_mm_for_euclid_dist"
    ).float()
