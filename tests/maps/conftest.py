"""Maps that several files look at: to fit them takes seconds, so each process does it once."""

import pytest
import torch

from steering.inference.activations import capture
from steering.maps.layer_map import LayerMap
from steering.maps.model_maps import Maps
from tests.helpers.tiny_maps import BORDERLINE, LAYERS, POSITION, make


@pytest.fixture(scope="session")
def activations(tiny, states) -> dict[str, torch.Tensor]:
    """Activations of `tiny` at one position, layers 1 to 3: [prompt, layer, d_model]."""
    rows = [tiny.render(text) for text in BORDERLINE]
    borderline = capture(tiny, rows, layers=LAYERS, positions=(POSITION,))
    return {label: found[:, 1, 1:] for label, found in states.items()} | {
        "borderline": borderline[:, 0]
    }


@pytest.fixture(scope="session")
def maps(activations, prompts) -> Maps:
    return make(activations, prompts)


@pytest.fixture(scope="session")
def chart(maps) -> LayerMap:
    return maps.at(2)


@pytest.fixture(scope="session")
def trained(activations) -> torch.Tensor:
    """What the maps at layer 2 were fitted on."""
    return torch.cat([activations["harmful"][:, 1], activations["harmless"][:, 1]])
