import pytest

from steering.serving import page_pace
from steering.serving.page_pace import PagePaces


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(page_pace.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def paces():
    return PagePaces()


@pytest.fixture
def pace(clock, paces):
    with paces.follow() as pace:
        yield pace


def test_a_page_that_has_said_nothing_yet_is_sent_two_updates(pace, clock):
    for _ in range(2):
        assert not pace.waits
        pace.send()
    assert pace.waits
    pace.hear(1, behind=False)
    for _ in range(9):
        pace.send()
        assert not pace.waits  # it keeps up, for all that is known


def test_a_page_that_never_says_anything_is_not_waited_for_twice(pace, clock):
    clock[0] += 60  # before the first word
    for _ in range(2):
        pace.send()
    assert pace.waits
    clock[0] += page_pace._PATIENCE
    for _ in range(9):
        pace.send()
        assert not pace.waits


def test_a_page_that_is_behind_has_one_update_on_its_way(pace, paces):
    for _ in range(3):
        pace.send()
    assert paces.hear(pace.id, 1, behind=True)
    assert pace.waits
    paces.hear(pace.id, 3, behind=True)
    assert not pace.waits
    pace.send()
    assert pace.waits
    paces.hear(pace.id, 2, behind=True)  # messages may overtake each other
    paces.hear(pace.id, 1, behind=False)
    assert pace.waits


def test_nobody_is_waited_for_for_ever(pace, clock):
    for _ in range(2):
        pace.send()
    pace.hear(1, behind=True)
    assert pace.waits
    clock[0] += page_pace._PATIENCE
    assert not pace.waits


def test_a_page_cannot_have_drawn_what_it_was_not_sent(pace):
    pace.send()
    pace.hear(10**9, behind=True)
    pace.send()
    assert pace.waits


def test_an_update_says_its_run_its_number_and_its_time(pace, clock):
    clock[0] += 1.25
    assert pace.send() == f"{pace.id} 1 1250"


def test_names_are_known_for_as_long_as_answers_grow(paces):
    with paces.follow() as one, paces.follow() as other:
        assert one.id != other.id
        assert not paces.hear("", 1, behind=True)
        assert not paces.hear(one.id[:-1], 1, behind=True)
    assert not paces.hear(one.id, 1, behind=True)
    with pytest.raises(KeyError), paces.follow() as lost:
        raise KeyError
    assert not paces.hear(lost.id, 1, behind=True)
