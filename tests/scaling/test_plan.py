from steering.scaling.costs import Costs, Machine
from steering.scaling.plan import capacity, pages, plan
from steering.scaling.replica import Habits, simulate

FAST = Costs(((5, 0.01), (50, 0.02)), read=0.1, measure=0.1, place=0.1, between=0.1, room=50)
SLOW = Costs(((5, 0.1),), read=3.0, measure=0.0, place=0.0, between=0.0, room=50)


def test_a_replica_bears_as_many_as_wait_no_longer_than_the_goal():
    found = capacity(FAST, Habits())
    assert found.visitors > 1
    assert found.p95 <= 2.0
    assert simulate(FAST, found.visitors + 1, Habits()).percentile(95) > 2.0
    assert capacity(FAST, Habits(), goal=1.0).visitors < found.visitors


def test_where_reading_alone_takes_too_long_no_number_of_replicas_helps():
    (row,) = plan(Machine("slow", SLOW, 1.0), Habits(), [10])
    assert row["replicas"] is row["dollars_an_hour"] is None
    assert row["p95"] >= 3.0


def test_a_crowd_has_its_share_of_visitors_on_every_replica_and_pays_for_all():
    machine = Machine("fast", FAST, 0.5)
    rows = plan(machine, Habits(), [1, 1000])
    each = rows[0]["visitors_a_replica"]
    assert rows[0]["replicas"] == 1
    assert rows[1]["replicas"] == -(-1000 // each)
    assert rows[1]["dollars_an_hour"] == 0.5 * rows[1]["replicas"]


def test_in_a_room_only_those_who_run_need_replicas_but_all_need_the_page():
    machine = Machine("fast", FAST, 0.5)
    (alone,) = plan(machine, Habits(), [1000])
    (room,) = plan(machine, Habits(following=1.0), [1000])
    assert room["replicas"] == 1 < alone["replicas"]
    found = capacity(FAST, Habits())
    # 2,000 pages that look every 4 s for .002 s each keep one process busy.
    assert [pages(0, followers, found, Habits()) for followers in (2000, 2001)] == [1, 2]
