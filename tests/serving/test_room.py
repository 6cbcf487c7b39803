import itertools

import pytest

from steering.errors import SteeringError
from steering.serving import room as rooms_of
from steering.serving.room import AWAY_SECONDS, Room


@pytest.fixture
def room() -> Room:
    return Room("birch", 0.0, itertools.count(1).__next__)


def test_only_what_has_changed_is_new(room):
    room.show({"request": "Hi", "view:flip": "<p>a</p>"})
    first = room.look(0)
    assert first.parts == {"request": "Hi", "view:flip": "<p>a</p>"}
    assert room.look(first.version).parts == {}
    room.show({"request": "Hi", "view:flip": "<p>b</p>"})
    assert room.look(first.version).parts == {"view:flip": "<p>b</p>"}
    # Who has missed something gets it, too.
    assert room.look(0).parts == {"request": "Hi", "view:flip": "<p>b</p>"}


def test_saying_the_same_again_is_nothing_new(room):
    room.show({"request": "Hi"})
    version = room.look(0).version
    room.show({"request": "Hi"})
    assert room.look(0).version == version


@pytest.mark.parametrize("known", [-1, 10**9])
def test_a_version_that_no_room_gave_means_all_of_it(room, known):
    room.show({"request": "Hi"})
    assert room.look(known).parts == {"request": "Hi"}
    assert room.look(known).pinned == ()


def test_a_pinned_row_is_on_every_screen_until_it_is_taken_back_or_hidden(room):
    for request in ("one", "two"):
        room.add(request, {"flip:k=3": "answered"}, 5.0)
    before = room.look(0)
    assert before.pinned == ()  # nobody's row is shown before the presenter says so
    room.mark(2, pinned=True)
    shown = room.look(before.version)
    assert [row.request for row in shown.pinned] == ["two"]
    assert room.look(shown.version).pinned is None
    room.mark(2, hidden=True)
    assert room.look(shown.version).pinned == ()
    room.mark(2, hidden=False)
    assert [row.number for row in room.look(0).pinned] == [2]
    room.mark(2, pinned=False)
    assert room.look(0).pinned == ()


def test_what_is_tried_alone_is_nothing_new_to_participants(room):
    version = room.look(0).version
    room.add("mine", {}, 5.0)
    assert room.look(version).version == version
    assert room.look(version).pinned is None


def test_the_presenter_sees_rows_only_when_they_have_changed(room):
    assert room.watch(0, 0.0).rows == ()
    room.add("one", {"flip:k=3": "answered"}, 5.0)
    seen = room.watch(0, 5.0)
    (row,) = seen.rows
    assert (row.number, row.seconds, row.outcomes) == (1, 5.0, (("flip:k=3", "answered"),))
    assert room.watch(seen.version, 5.0).rows is None
    room.mark(1, pinned=True)
    assert room.watch(seen.version, 5.0).rows[0].pinned


def test_who_asks_is_there_and_who_is_silent_has_gone(room):
    room.come("ann", 0.0, exploring=False)
    room.come("bob", 1.0, exploring=True)
    room.come("bob", 2.0, exploring=True)  # the same page
    seen = room.watch(0, 2.0)
    assert (seen.here, seen.exploring) == (2, 1)
    seen = room.watch(0, AWAY_SECONDS + 1.5)
    assert (seen.here, seen.exploring) == (1, 1)
    assert room.here(AWAY_SECONDS + 2.5) == 0


def test_a_room_is_bounded_and_pinned_rows_go_last(room, monkeypatch):
    monkeypatch.setattr(rooms_of, "KEPT_ROWS", 3)
    monkeypatch.setattr(rooms_of, "PEOPLE", 2)
    for number in range(1, 6):
        room.add("x" * 9999, {}, 0.0)
        if number == 1:
            room.mark(1, pinned=True)
    assert [row.number for row in room.rows] == [1, 4, 5]
    assert {len(row.request) for row in room.rows} == {rooms_of.REQUEST_CHARACTERS}
    for person in "abc":
        room.come(person, 0.0, exploring=False)
    assert room.here(0.0) == 2
    room.come("d", AWAY_SECONDS + 1, exploring=False)  # there is room again
    assert room.here(AWAY_SECONDS + 1) == 1


def test_a_row_that_is_gone_cannot_be_pinned(room):
    with pytest.raises(SteeringError, match="row 7 is not in the table"):
        room.mark(7, pinned=True)
