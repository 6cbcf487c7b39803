from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.scaling.costs import MACHINES, Costs
from steering.scaling.replica import Habits, Waits, simulate

COSTS = Costs(((5, 0.1), (50, 0.1)), read=1.0, measure=0.0, place=0.0, between=0.0, room=50)


def test_a_visitor_alone_waits_for_the_reading_of_the_request_and_nothing_else():
    waits = simulate(COSTS, 1, Habits())
    assert waits.first_words == pytest.approx([1.0] * len(waits.first_words))
    # 8 s of thinking, 1 s of reading, 47 steps after the first token: 13.7 s a run on average.
    assert waits.runs_a_minute == pytest.approx(60 / 13.7, rel=0.05)


def test_the_same_seed_gives_the_same_waits_and_another_one_others():
    crowds = [simulate(COSTS, 5, Habits(), seed=seed) for seed in (1, 1, 2)]
    assert crowds[0] == crowds[1] != crowds[2]


def test_a_replica_gives_no_more_than_it_has_time_for():
    """Every run costs a second of reading at least, whoever shares its steps."""
    for visitors in (20, 60):
        waits = simulate(COSTS, visitors, Habits())
        assert waits.runs_a_minute <= 60
    # The longer the line, the longer the wait: N runs in turn take N times what one takes.
    assert waits.percentile(50) > simulate(COSTS, 20, Habits()).percentile(50)


def test_whoever_finds_no_room_waits_until_somebody_has_ended():
    one = replace(COSTS, room=5)
    crowded, roomy = (simulate(costs, 8, Habits()).percentile(95) for costs in (one, COSTS))
    assert crowded > 4 * roomy


def test_a_cache_and_a_room_take_work_away():
    assert set(simulate(COSTS, 9, Habits(equal=1.0)).first_words) == {0.0}
    apart = simulate(COSTS, 30, Habits())
    for habits in (Habits(equal=0.5), Habits(following=0.9)):
        assert simulate(COSTS, 30, habits).percentile(95) < apart.percentile(95)
    followed = simulate(COSTS, 100, Habits(following=1.0))
    assert followed.percentile(95) == pytest.approx(1.0)  # the presenter's run alone


def test_a_percentile_is_the_smallest_wait_that_so_many_do_not_exceed():
    waits = Waits(tuple(float(n) for n in range(1, 101)), 1.0)
    assert (waits.percentile(50), waits.percentile(95)) == (50.0, 95.0)
    assert Waits((), 0.0).percentile(95) == 0.0


@pytest.mark.parametrize("wrong", [{"equal": 1.5}, {"following": -0.1}])
def test_a_share_that_is_none_is_refused(wrong):
    with pytest.raises(SteeringError, match="is no share"):
        Habits(**wrong)


def test_thirty_visitors_wait_as_long_as_the_load_test_has_measured():
    """189 s at 95 % (docs/performance.md); the costs are of its profile, waits were not used."""
    waits = simulate(MACHINES["cpu-2"].costs, 30, Habits(), seconds=180.0, warm=0.0)
    assert 0.75 <= waits.percentile(95) / 189 <= 1.25
    assert 0.70 <= waits.percentile(50) / 64 <= 1.25
