import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from steering.evaluation.crossed_interval import crossed_interval, holm
from steering.intervals import mean_interval


def test_one_set_without_seeds_is_the_interval_of_a_mean():
    values = np.random.default_rng(1).normal(size=40)
    found = crossed_interval([[values[None], -0.5 * np.ones((1, 40))]])
    assert found == mean_interval(values - 0.5)


def test_seeds_that_differ_widen_the_interval_and_equal_ones_do_not():
    generator = np.random.default_rng(3)
    base = (generator.random(80) < 0.5).astype(float)
    equal = np.stack([base] * 5)
    apart = np.stack(
        [np.where(generator.random(80) < p, 1.0, 0.0) for p in (0.1, 0.3, 0.5, 0.7, 0.9)]
    )
    narrow, wide = (crossed_interval([[np.zeros((1, 80)), each]]) for each in (equal, apart))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    plain = mean_interval(base)
    assert narrow.low == pytest.approx(plain.low, abs=0.02)
    assert narrow.high == pytest.approx(plain.high, abs=0.02)


def test_sets_are_drawn_apart():
    generator = np.random.default_rng(5)
    one, other = generator.normal(size=(1, 200)), generator.normal(size=(1, 100))
    found = crossed_interval([[one], [-other]])
    error = (one.var() / 200 + other.var() / 100) ** 0.5
    assert found.estimate == pytest.approx(one.mean() - other.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    # The same values taken as one set would be paired, and have no width at all.
    paired = crossed_interval([[one, -one]])
    assert paired.high == paired.low == 0.0


def test_values_that_never_vary_leave_what_the_rest_may_do():
    never, always = np.zeros((1, 20)), np.ones((1, 20))
    found = crossed_interval([[always], [-never]], reach=1.0)
    assert found.low < 0.9 < found.estimate == 1.0
    assert crossed_interval([[always], [-never]]).low == 1.0


def test_a_higher_confidence_is_wider():
    values = np.random.default_rng(2).normal(size=(3, 50))
    usual, firm = (crossed_interval([[values]], confidence=c) for c in (0.95, 0.99))
    assert firm.low < usual.low < usual.high < firm.high


@pytest.mark.parametrize("values", [[], [0.2], [0.01, 0.04, 0.03, 0.8], [0.5, 0.5, 0.001]])
def test_holms_correction_is_that_of_statsmodels(values):
    expected = multipletests(values, method="holm")[1].tolist() if values else []
    assert holm(values) == pytest.approx(expected)
