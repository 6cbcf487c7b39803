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


def test_every_pair_counts_alike_whatever_its_stratum():
    values = np.array([1.0, 0.0, 0.0, 0.0, 3.0, 2.0])
    positive = np.array([True, False, False, False, False, True])
    assert auc(values, positive, np.array([0, 0, 0, 0, 1, 1])) == 3 / 4
    assert auc(values, positive) == 6 / 8


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


@pytest.mark.parametrize(("more", "less"), [(40, 400), (400, 40), (150, 150)])
def test_an_interval_is_as_wide_as_both_groups_make_it(more, less):
    """Its half is 1.96 standard errors, by the formula of DeLong et al. (1988)."""
    one, other = np.arange(more) / more + 0.3, np.arange(less) / less
    found = auc_interval(np.r_[one, other], np.arange(more + less) < more)
    assert found is not None
    pairs = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    variance = pairs.mean(1).var() / more + pairs.mean(0).var() / less
    expected = 2 * 1.96 * np.sqrt(variance)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_an_interval_within_strata_counts_their_pairs_alone():
    strata = np.repeat([0, 1], 60)
    positive = np.r_[np.arange(60) < 55, np.arange(60) < 5]
    values = 10.0 * strata + np.tile([0.0, 1.0], 60)
    across, within = (auc_interval(-values, positive, held) for held in (None, strata))
    assert across is not None
    assert within is not None
    assert across.low > 0.7
    assert within.low < 0.5 < within.high


def test_correlation_follows_the_sign():
    generator = np.random.default_rng(0)
    one = generator.standard_normal(100)
    other = one + generator.standard_normal(100)
    found = correlation_interval(one, other)
    assert found.estimate == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert 0 < found.low < found.high < 1
    assert correlation_interval(one, -other).estimate == pytest.approx(-found.estimate)
