import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.contrasts.held_out import (
    Chance,
    accuracies,
    accuracy_by_token,
    accuracy_within,
    against_shuffles,
    deals,
    interval,
)
from steering.interventions.inlp import held_out_splits


def shifted(size: int, apart: float, seed: int = 0, d: int = 6):
    """Two classes that differ along one axis, far from the origin."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, size, d, generator=generator) + 5.0
    return first + apart * torch.eye(d)[0], second


def plain_loop(first, second) -> float:
    """The nearer of two means, text by text, by distances in float64."""
    right = 0.0
    for train, dev in held_out_splits(len(first), 0):
        means = [each[train].double().mean(0) for each in (first, second)]
        for own, states in enumerate((first, second)):
            for state in states[dev].double():
                near, far = (float((state - means[side]).norm()) for side in (own, 1 - own))
                right += 1.0 if near < far else 0.5 if near == far else 0.0
    return right / (2 * len(first))


@given(st.integers(5, 30), st.floats(0, 3), st.integers(0, 5))
@settings(max_examples=25)
def test_the_accuracy_is_that_of_a_plain_loop_over_distances(size, apart, seed):
    first, second = shifted(size, apart, seed)
    found = accuracies(first, second, deals(size, 0))
    assert float(found[0]) == pytest.approx(plain_loop(first, second), abs=1e-9)


def test_a_shuffle_is_scored_as_if_its_lists_had_been_given():
    first, second = shifted(12, 1.0)
    dealt = deals(12, 4)
    both = torch.cat([first, second])
    for row, found in zip(dealt, accuracies(first, second, dealt).tolist(), strict=True):
        assert sorted(row.tolist()) == list(range(24))
        assert found == pytest.approx(plain_loop(both[row[:12]], both[row[12:]]), abs=1e-9)


def test_classes_far_apart_are_beyond_every_shuffle_and_equal_ones_are_not():
    apart = against_shuffles(*shifted(16, 8.0), shuffles=199)
    assert apart.accuracy.estimate == 1.0
    assert apart.p_value == pytest.approx(1 / 200)
    assert apart.shuffled.mean == pytest.approx(0.5, abs=0.05)
    assert apart.shuffled.low < 0.4
    assert apart.shuffled.high < 1.0
    assert apart.shuffled.n == 199
    assert against_shuffles(*shifted(16, 0.0), shuffles=199).p_value > 0.05


def test_the_test_keeps_its_level_where_there_is_nothing():
    p_values = [
        against_shuffles(*shifted(16, 0.0, seed), shuffles=99).p_value for seed in range(200)
    ]
    # Of 200 tests at .05 ten are expected, and more than 19 in one of 400 cases.
    assert sum(p <= 0.05 for p in p_values) <= 19
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)


def test_equal_states_are_guessed_and_p_is_one():
    same = torch.ones(16, 3)
    found = against_shuffles(same, same.clone(), shuffles=99)
    assert found.accuracy.estimate == 0.5
    assert found.p_value == 1.0


def test_what_a_subspace_does_not_see_is_not_told_apart_in_it():
    first, second = shifted(16, 8.0)
    axes = torch.eye(6)
    assert accuracy_within(first, second, axes[:1]) == 1.0
    assert accuracy_within(first, second, axes[1:]) < 0.8


def test_a_token_that_only_one_list_has_tells_them_apart_and_new_ones_are_guessed():
    assert accuracy_by_token([1] * 16, [2] * 16) == 1.0
    assert accuracy_by_token([1] * 16, [1] * 16) == 0.5
    assert accuracy_by_token(list(range(16)), list(range(16, 32))) == 0.5
    assert 0.5 < accuracy_by_token([1] * 12 + [2] * 4, [2] * 16) < 1.0


def test_half_a_hit_counts_in_the_accuracy_and_not_in_its_interval():
    whole, half = interval(24 / 32, 32), interval(24.5 / 32, 32)
    assert half.estimate == 24.5 / 32
    assert (half.low, half.high) == (whole.low, whole.high)
    assert interval(1.0, 32).high == 1.0


def test_chance_of_few_draws_has_their_mean_and_range():
    found = Chance.of_few([0.4, 0.5, 0.9])
    assert found.mean == pytest.approx(0.6)
    assert (found.low, found.high, found.n) == (0.4, 0.9, 3)
