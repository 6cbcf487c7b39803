import math
from collections import Counter
from typing import get_args

from steering.evaluation.claim_conditions import CLAIMS, MARGIN, Measure

CONDITIONS = [(claim, each) for claim in CLAIMS for each in claim.conditions]


def test_lines_of_a_claim_have_its_number():
    assert [claim.number for claim in CLAIMS] == ["1a", "1b", "2", "3", "4a", "4b"]
    assert len({claim.words for claim in CLAIMS}) == len(CLAIMS)


def test_every_claim_has_a_control_that_counts():
    for claim in CLAIMS:
        roles = {
            role for each in claim.conditions if not each.illustration for role, _, _ in each.terms
        }
        assert any(role.startswith("random") for role in roles), claim.number


def test_a_comparison_of_two_is_a_difference_and_of_means_an_average():
    for claim, each in CONDITIONS:
        total = math.fsum(weight for _, _, weight in each.terms)
        # A bound on t is on a mean itself; anything else compares, and equal means give zero.
        is_place = len(each.terms) == 1
        assert total == (1.0 if is_place else 0.0), (claim.number, each.statement)


def test_every_measure_is_weighed_and_bounds_leave_room_for_evidence():
    used = Counter(measure for _, each in CONDITIONS for _, measure, _ in each.terms)
    assert set(get_args(Measure)) - set(used) == {"looping"}
    for _, each in CONDITIONS:
        assert each.above < each.below
        assert each.above > -math.inf or each.below < math.inf
        # What has no margin of its own outside of zero needs slack: not supported is evidence.
        if each.above == 0.0 and len(each.terms) == 2:
            assert each.slack == MARGIN, each.statement
