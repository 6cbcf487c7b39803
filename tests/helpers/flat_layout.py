"""A stand-in for UMAP, which compiles for seconds, for tests about something else."""

import pytest
import torch

from steering.maps import layer_map
from steering.maps.umap_layout import Layout


class FlatLayout(Layout):
    """The first two coordinates."""

    def __init__(self, _coordinates: object, _embedding: object) -> None:
        pass

    def place(self, coordinates: torch.Tensor) -> torch.Tensor:
        return coordinates[:, :2]


def flatten(patch: pytest.MonkeyPatch) -> None:
    """Fit and place by `FlatLayout` until the patch is undone."""
    patch.setattr(layer_map, "fit_umap", lambda points, **_: points[:, :2].contiguous())
    patch.setattr(layer_map, "Layout", FlatLayout)
