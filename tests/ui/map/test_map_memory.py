"""Keys of what the page was shown answer for their layers and panels, and for nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from steering.ui.map.map_memory import Memory
from tests.helpers.flat_places import LAYERS, PANELS


def test_components_of_a_kept_trace_are_those_of_its_states(maps, traced):
    memory = Memory()
    key = memory.keep(maps, traced)
    for panel in range(len(PANELS)):
        for index, layer in enumerate(LAYERS):
            found = memory.components({"key": key, "layer": layer, "panel": panel})
            wanted = maps.at(layer).clusters.coordinates(traced.states[panel, index])
            np.testing.assert_array_equal(found, wanted.numpy())


@pytest.mark.parametrize(
    "change",
    [{"layer": 0}, {"layer": "3"}, {"panel": -1}, {"panel": 3}, {"panel": None}, {"key": "other"}],
)
def test_what_is_not_known_has_no_components(maps, traced, change):
    memory = Memory()
    asked = {"key": memory.keep(maps, traced), "layer": 3, "panel": 0}
    assert memory.components(asked) is not None
    assert memory.components(asked | change) is None
    assert memory.components(None) is None


def test_recorded_places_have_no_components():
    memory = Memory()
    key = memory.keep_places(lambda _: [[0.0], [1.0]])
    assert memory.umap({"key": key, "layer": 1}) == [[0.0], [1.0]]
    assert memory.components({"key": key, "layer": 1, "panel": 0}) is None


def test_maps_without_a_umap_have_no_place_on_it(maps, traced):
    memory = Memory()
    charts = tuple(replace(each, embedding=each.embedding[:0]) for each in maps.charts)
    bare, whole = memory.keep(replace(maps, charts=charts), traced), memory.keep(maps, traced)
    assert memory.umap({"key": bare, "layer": 3}) is None
    assert memory.umap({"key": whole, "layer": 3}) is not None
