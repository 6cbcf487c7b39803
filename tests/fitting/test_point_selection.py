import math
from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.fitting.point_selection import (
    SELECTION_RULES,
    as_rows,
    candidates,
    choose,
    choose_inlp,
    finalists,
    leading_points,
)
from steering.fitting.scoring import Score
from steering.interventions.inlp import Inlp
from steering.interventions.subspace import Subspace


def score(layer: int, bypass: float, induce: float, kl: float, *, twice: float = -9.0) -> Score:
    return Score(-1, layer, bypass, induce, max(induce, twice), kl, 12)


def inlp_with(accuracy: float, layer: int) -> Inlp:
    """Return a fit whose first split was lucky: what counts is over all of them."""
    subspace = Subspace(torch.eye(1, 4), layer, -1, "INLP")
    return Inlp(subspace, (0.99,), "made by hand", None, (accuracy, 0.5))


# The choice among scores


def test_the_lowest_bypass_among_those_that_pass_the_strict_rule_wins():
    found = choose(
        [
            score(1, bypass=-9.0, induce=-0.1, kl=0.01),  # does not induce
            score(2, bypass=-8.0, induce=2.0, kl=0.11),  # KL too large
            score(3, bypass=-2.0, induce=0.0, kl=0.10),  # on both bounds, which count as passed
            score(4, bypass=-1.0, induce=3.0, kl=0.00),
        ]
    )
    assert found.point == (-1, 3)
    assert (found.passed, found.tried) == (2, 4)
    assert found.rule == SELECTION_RULES[0][0]
    assert "relaxed" not in found.rule


RELAXATIONS = (
    score(1, bypass=5.0, induce=0.5, kl=0.05),
    score(2, bypass=4.0, induce=-0.5, kl=0.05, twice=0.5),
    score(3, bypass=3.0, induce=-0.5, kl=0.15, twice=0.5),
    score(4, bypass=2.0, induce=-0.5, kl=0.15),
    score(5, bypass=1.0, induce=-0.5, kl=0.50),
)
"""Row i passes rule i and none before it; later rows would win by their bypass."""


@pytest.mark.parametrize("rule", range(5))
def test_each_rule_is_tried_only_when_nothing_passed_the_ones_before_it(rule):
    table = RELAXATIONS[rule:]
    found = choose(reversed(table))
    assert found.point == table[0].point
    assert found.rule == SELECTION_RULES[rule][0]
    assert found.rule.startswith("relaxed") == (rule > 0)
    assert (found.passed, found.tried) == (1, len(table))


def test_a_point_without_finite_scores_is_never_chosen_and_not_counted():
    good = score(2, bypass=1.0, induce=1.0, kl=0.05)
    for broken in (math.nan, math.inf, -math.inf):
        bad = score(1, bypass=broken, induce=1.0, kl=0.05)
        for table in ([bad, good], [good, bad]):
            assert choose(table).point == good.point
            assert choose(table).tried == 1
    assert choose([replace(good, induce_twice=math.nan, layer=3), good]).point == good.point


@pytest.mark.parametrize("table", [[], [score(1, bypass=math.nan, induce=1.0, kl=0.0)]])
def test_a_table_without_a_usable_row_is_an_error_that_says_so(table):
    with pytest.raises(SteeringError, match="no point with finite scores"):
        choose(table)


def test_the_score_table_is_saved_as_json_types():
    (row,) = as_rows([score(3, bypass=1.0, induce=2.0, kl=0.1)])
    assert Score(**row) == score(3, bypass=1.0, induce=2.0, kl=0.1)


# Which places are looked at


def test_candidates_leave_out_the_first_layer_and_the_last_fifth():
    found = candidates((-2, -1), 24)
    assert {layer for _, layer in found} == set(range(1, 19))
    assert {position for position, _ in found} == {-2, -1}
    assert len(found) == len(set(found)) == 36
    assert candidates((-1,), 10) == [(-1, layer) for layer in range(1, 8)]


def test_finalists_pass_the_earliest_rule_and_have_the_lowest_bypass_of_these():
    table = [
        score(1, bypass=-9.0, induce=1.0, kl=0.30),
        score(2, bypass=-8.0, induce=-1.0, kl=0.15),
        score(3, bypass=1.0, induce=-1.0, kl=0.05, twice=0.5),
        score(4, bypass=-1.0, induce=-0.1, kl=0.10, twice=0.5),
        score(5, bypass=math.nan, induce=1.0, kl=0.01),
        score(6, bypass=-99.0, induce=1.0, kl=math.inf),
    ]
    screened = {each.point: each for each in table}
    assert finalists(screened) == [(-1, 4), (-1, 3), (-1, 2), (-1, 1)]
    # What passes the strict rule goes before all, whatever its bypass.
    passes = score(7, bypass=5.0, induce=0.0, kl=0.1)
    assert finalists(screened | {passes.point: passes}, 2) == [(-1, 7), (-1, 4)]
    assert finalists(screened, 2) == [(-1, 4), (-1, 3)]


# INLP's point


def test_points_within_one_standard_error_of_the_best_accuracy_go_on():
    accuracies = {(-1, 1): 0.9, (-1, 2): 0.87, (-1, 3): 0.86, (-1, 4): 0.5}
    found = {point: inlp_with(value, point[1]) for point, value in accuracies.items()}
    # sqrt(.9 x .1 / 78) = .034
    assert leading_points(found, n=78) == [(-1, 1), (-1, 2)]
    assert leading_points(found, n=10_000) == [(-1, 1)]


def test_a_perfect_accuracy_still_has_a_standard_error():
    found = {(-1, 1): inlp_with(1.0, 1), (-1, 2): inlp_with(0.9, 2), (-1, 3): inlp_with(0.7, 3)}
    # sqrt((1 / 4 / 4) / 4) = .125
    assert leading_points(found, n=4) == [(-1, 1), (-1, 2)]


def test_among_them_the_rule_of_the_difference_in_means_decides():
    table = [
        score(1, bypass=2.0, induce=1.0, kl=0.05),
        score(2, bypass=-4.0, induce=1.0, kl=0.15),  # KL too large
        score(3, bypass=0.0, induce=1.0, kl=0.05),
        score(4, bypass=-5.0, induce=-1.0, kl=0.05),  # does not induce
    ]
    found = choose_inlp(table, tried=40)
    assert found.point == (-1, 3)
    assert (found.passed, found.tried) == (2, 40)
    assert "standard error" in found.rule
    assert SELECTION_RULES[0][0] in found.rule
    assert choose_inlp(table[1:2], tried=40).rule.endswith(SELECTION_RULES[2][0])


def test_a_point_that_breaks_the_model_is_not_chosen_for_inlp():
    broken = score(1, bypass=math.nan, induce=1.0, kl=0.0)
    good = score(2, bypass=1.0, induce=1.0, kl=0.0)
    assert choose_inlp([broken, good], tried=2).point == (-1, 2)
    with pytest.raises(SteeringError, match="finite"):
        choose_inlp([broken], tried=1)
