"""INLP on random parts of its prompts: what is in the data comes again, what is chance does not."""

import torch

from steering.fitting.other_splits import stability
from steering.interventions.inlp import inlp

POINT = (-1, 3)


def classes(n, *, distance, seed=0):
    """Return classes in 40 dimensions that differ along the first one only."""
    states = torch.randn(2, n, 40, generator=torch.Generator().manual_seed(seed))
    states[0, :, 0] += distance
    states[1, :, 0] -= distance
    return states[0], states[1]


def found_in(n, *, distance, rank=3):
    pair = classes(n, distance=distance)
    found = inlp(*pair, POINT, at_least=rank, max_iterations=rank)
    return stability(*pair, POINT, found, splits=5), pair, found


def test_a_direction_that_is_in_the_data_comes_again_and_one_of_chance_does_not():
    told, _, _ = found_in(60, distance=3.0)
    assert told is not None
    assert told.overlaps[0] > 0.95
    assert max(told.overlaps[1:]) < told.overlaps[0] - 0.1
    assert len(told.ranks) == 5
    assert len(told.overlaps) == 3
    assert told.n_alike >= 1
    noise, _, _ = found_in(60, distance=0.0)
    assert noise is not None
    assert noise.overlaps[0] < told.overlaps[0] - 0.1


def test_the_same_seed_draws_the_same_parts_and_another_one_others():
    told, pair, found = found_in(40, distance=1.0)
    assert stability(*pair, POINT, found, splits=5) == told
    assert stability(*pair, POINT, found, splits=5, seed=1) != told


def test_too_few_prompts_say_nothing():
    _, pair, found = found_in(6, distance=3.0, rank=1)
    assert stability(*pair, POINT, found) is None
