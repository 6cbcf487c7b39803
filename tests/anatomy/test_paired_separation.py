import numpy as np
import pytest

from steering.anatomy import separation
from steering.anatomy.paired_separation import paired_auc, paired_auc_difference

SPREAD = np.random.default_rng(3).standard_normal(30)
APART, TOGETHER = SPREAD + 1.5, SPREAD


def test_the_estimate_is_the_auc_and_turns_with_the_sign():
    labels = np.array([True] * 30 + [False] * 30)
    plain = separation.auc(np.concatenate([APART, TOGETHER]), labels)
    found = paired_auc(APART, TOGETHER)
    assert found.estimate == pytest.approx(plain)
    assert found.low < found.estimate < found.high
    assert paired_auc(-APART, -TOGETHER).estimate == pytest.approx(1 - plain)
    assert paired_auc(TOGETHER, TOGETHER).estimate == 0.5


def test_a_difference_is_of_the_same_pairs():
    """Pairs that are hard in both wordings cost a paired difference no width."""
    same = paired_auc_difference((APART, TOGETHER), (APART + 7, TOGETHER + 7))
    assert (same.low, same.estimate, same.high) == (0.0, 0.0, 0.0)
    worse = paired_auc_difference((TOGETHER, TOGETHER), (APART, TOGETHER))
    better = paired_auc_difference((APART, TOGETHER), (TOGETHER, TOGETHER))
    assert worse.high < 0 < better.low
    assert worse.estimate == pytest.approx(-better.estimate)


def test_equal_seeds_draw_equal_pairs():
    assert paired_auc(APART, TOGETHER) == paired_auc(APART, TOGETHER, seed=0)
    assert paired_auc(APART, TOGETHER, seed=1) != paired_auc(APART, TOGETHER)
