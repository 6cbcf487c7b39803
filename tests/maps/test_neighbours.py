"""Distances in what the maps keep are those between states, and the nearest prompt comes first."""

import numpy as np
import pytest
import torch

from steering.maps.neighbours import KeptComponents


@pytest.fixture
def kept():
    drawn = np.random.default_rng(0).normal(size=(2, 30, 5)).astype(np.float32)
    return KeptComponents(drawn, np.array([0.5, 0.9]), 64)


def test_every_point_is_its_own_nearest_and_distances_ascend(kept):
    for point in range(30):
        found = kept.nearest(1, kept.of(1, point))
        assert found[0] == (point, 0.0)
        apart = [each for _, each in found]
        assert apart == sorted(apart)
        assert sorted(index for index, _ in found) == list(range(30))


def test_the_distance_is_euclidean_at_that_layer_and_no_other(kept):
    here, there = (dict(kept.nearest(index, kept.of(index, 3))) for index in (0, 1))
    for other in range(30):
        wanted = np.linalg.norm(kept.places[0, 3] - kept.places[0, other])
        assert here[other] == pytest.approx(float(wanted), rel=1e-5)
    assert here != there


def test_equally_near_points_keep_their_order():
    same = KeptComponents(np.zeros((1, 4, 2), np.float32), np.ones(1), 2)
    assert [index for index, _ in same.nearest(0, np.zeros(2))] == [0, 1, 2, 3]


def test_distances_in_the_components_are_those_of_states_but_for_what_is_left_over(charted, states):
    kept = charted.points.kept
    assert kept is not None
    for index, layer in enumerate(charted.layers):
        clusters = charted.at(layer).clusters
        pair = [kept.of(index, point) for point in (0, 30)]
        back = [torch.from_numpy(each) @ clusters.components for each in pair]
        whole = float((back[0] - back[1]).norm())
        assert float(np.linalg.norm(pair[0] - pair[1])) == pytest.approx(whole, rel=1e-4)
        assert 0 < kept.share[index] <= 1 + 1e-5
    assert kept.d_model == charted.d_model
