"""Nearest prompts of dots and marks, as the page asks for them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steering.ui.map.map_memory import Memory
from steering.ui.map.nearest_prompts import SENT, nearest


def test_a_dots_nearest_prompts_are_others_and_ascend(maps):
    points = maps.points
    found = nearest(points, Memory(), {"layer": 2, "point": 5})
    assert found is not None
    json.dumps(found, allow_nan=False)
    indices, apart = zip(*found["found"], strict=True)
    assert 5 not in indices
    assert len(indices) == min(SENT, len(points.texts) - 1)
    assert list(apart) == sorted(apart)
    assert (found["rank"], found["d_model"]) == (points.kept.places.shape[-1], maps.d_model)
    # Another layer, another order.
    assert found != nearest(points, Memory(), {"layer": 3, "point": 5})


def test_a_marks_nearest_prompts_are_those_of_the_state_it_stands_for(maps, traced):
    memory = Memory()
    key = memory.keep(maps, traced)
    found = nearest(maps.points, memory, {"layer": 3, "key": key, "panel": 1})
    assert found is not None
    place = maps.at(3).clusters.coordinates(traced.states[1, 2])
    first, apart = found["found"][0]
    distances = (maps.at(3).coordinates - place).norm(dim=1)
    assert first == int(distances.argmin())
    assert apart == pytest.approx(float(distances.min()), rel=6e-3)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {"layer": 0, "point": 1},
        {"layer": "2", "point": 1},
        {"layer": 2, "point": -1},
        {"layer": 2, "point": 10_000},
        {"layer": 2, "point": "1"},
        {"layer": 2},
        {"layer": 2, "key": "unknown", "panel": 0},
    ],
)
def test_what_is_no_place_has_no_nearest_prompts(maps, asked):
    assert nearest(maps.points, Memory(), {"layer": 2, "point": 1}) is not None
    assert nearest(maps.points, Memory(), asked) is None


def test_where_only_shown_places_are_known_nothing_is_said_of_the_rest(maps):
    bare = replace(maps.points, kept=None)
    assert nearest(bare, Memory(), {"layer": 2, "point": 1}) is None
    assert nearest(None, Memory(), {"layer": 2, "point": 1}) is None


def test_a_prompt_twice_in_the_lists_is_its_own_nearest(maps):
    kept = maps.points.kept
    places = kept.places.copy()
    places[:, 7] = places[:, 5]
    twice = replace(maps.points, kept=replace(kept, places=places))
    assert nearest(twice, Memory(), {"layer": 1, "point": 5})["found"][0] == [7, 0.0]
    assert not np.array_equal(kept.places[:, 7], kept.places[:, 5])
