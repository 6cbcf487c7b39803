"""Laws of the AUC, alone and within strata."""

import numpy as np
import pytest

from steering.anatomy.separation import auc, auc_interval, correlation_interval

VALUES = np.array([3.0, 2.0, 2.0, 1.0])
POSITIVE = np.array([True, True, False, False])


def test_it_is_the_share_of_pairs_in_order_and_a_tie_counts_half():
    assert auc(VALUES, POSITIVE) == pytest.approx(3.5 / 4)
    assert auc(-VALUES, POSITIVE) == pytest.approx(0.5 / 4)


def test_within_strata_a_number_that_tells_the_stratum_alone_is_chance():
    strata = np.repeat([0, 1], 20)
    positive = np.r_[np.arange(20) < 15, np.arange(20) < 5]
    assert auc(-strata.astype(float), positive) > 0.7
    assert auc(-strata.astype(float), positive, strata) == 0.5


def test_without_a_pair_there_is_none():
    assert auc(VALUES, np.ones(4, dtype=bool)) is None
    assert auc(VALUES, POSITIVE, POSITIVE) is None
    assert auc_interval(VALUES, POSITIVE, POSITIVE) is None


def test_an_interval_holds_its_estimate_and_narrows_with_n():
    def width(n: int) -> float:
        generator = np.random.default_rng(0)
        positive = np.arange(n) % 2 == 0
        found = auc_interval(generator.standard_normal(n) + positive, positive)
        assert found is not None
        assert found.low <= found.estimate <= found.high
        return found.high - found.low

    assert width(400) < width(40)


def test_correlation_follows_the_sign():
    generator = np.random.default_rng(0)
    one = generator.standard_normal(100)
    other = one + generator.standard_normal(100)
    found = correlation_interval(one, other)
    assert found.estimate == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert 0 < found.low < found.high < 1
    assert correlation_interval(one, -other).estimate == pytest.approx(-found.estimate)
