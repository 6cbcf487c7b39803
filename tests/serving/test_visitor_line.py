import pytest

from steering.errors import SteeringError
from steering.serving.visitor_line import Line


@pytest.fixture
def line() -> Line:
    return Line(2)


def test_a_run_knows_how_many_came_before_it(line):
    with line.run("ann") as first, line.run("bob") as second, line.run("cy") as third:
        assert [line.ahead(run) for run in (first, second, third)] == [0, 1, 2]
    with line.run("dee") as alone:
        assert line.ahead(alone) == 0


def test_leaving_lets_the_next_one_move_up(line):
    with line.run("ann"):
        pass
    with line.run("bob") as second:
        assert line.ahead(second) == 0


def test_an_error_in_a_run_frees_its_place_and_stops_its_work(line):
    with pytest.raises(KeyError), line.run("ann") as run:
        raise KeyError
    assert run.stop.is_set()
    with line.run("bob") as next_one:
        assert line.ahead(next_one) == 0


def test_a_full_line_is_an_error_that_says_so(line):
    full = pytest.raises(SteeringError, match="3 requests are waiting")
    with line.run("a"), line.run("b"), line.run("c"), full, line.run("d"):
        pass


def test_runs_work_together_as_far_as_their_rows_have_room_and_nobody_overtakes(line):
    line.room = 12
    with line.run("ann") as first, line.run("bob") as second, line.run("cy") as third:
        first.rows, second.rows, third.rows = 5, 8, 2
        # Cy would fit beside Ann, but Bob came before.
        assert [line.ahead(run) for run in (first, second, third)] == [0, 1, 2]
        second.rows = 6
        assert [line.ahead(run) for run in (first, second, third)] == [0, 0, 1]
        line.room = 13
        assert [line.ahead(run) for run in (first, second, third)] == [0, 0, 0]


def test_a_run_with_more_rows_than_there_is_room_works_alone(line):
    line.room = 4
    with line.run("ann") as first, line.run("bob") as second:
        first.rows = 9
        assert [line.ahead(run) for run in (first, second)] == [0, 1]


def test_those_who_work_take_no_place_in_the_line(line):
    line.room = 3
    full = pytest.raises(SteeringError, match="5 requests are waiting")
    with line.run("a"), line.run("b"), line.run("c"), line.run("d"), line.run("e"):
        with full, line.run("f"):
            pass
        assert not line.has_run("f")


def test_without_places_whoever_has_room_is_served_all_the_same():
    line = Line(0)
    line.room = 2
    full = pytest.raises(SteeringError, match="2 requests are waiting")
    with line.run("a"), line.run("b"), full, line.run("c"):
        pass


def test_stop_ends_only_the_visitors_own_run(line):
    with line.run("ann") as hers, line.run("bob") as his:
        line.stop("bob")
        line.stop("nobody")
        assert his.stop.is_set()
        assert not hers.stop.is_set()


def test_a_new_run_of_the_same_visitor_supersedes_the_old_one(line):
    with line.run("ann") as old:
        with line.run("ann") as new:
            assert old.stop.is_set()
            assert old.superseded.is_set()
            assert not new.stop.is_set()
        line.stop("ann")
    with line.run("ann") as again:
        assert not again.stop.is_set()


def test_a_visitor_who_looks_at_something_else_hears_no_more_of_their_run(line):
    with line.run("ann") as hers, line.run("bob") as his:
        line.abandon("ann")
        line.abandon("nobody")
        assert hers.stop.is_set()
        assert hers.superseded.is_set()
        assert not his.stop.is_set()
        assert line.has_run("ann")  # until its block ends
    assert not line.has_run("ann")


def test_the_model_is_wanted_while_anybody_runs_or_asks_for_places(line):
    assert not line.wanted
    with line.run("ann"):
        assert line.wanted
    with line.asked(), pytest.raises(KeyError), line.asked():
        raise KeyError
    assert not line.wanted
    with line.asked():
        assert line.wanted
