import gc
import threading
import weakref

import pytest

from steering.errors import SteeringError
from steering.serving import rooms
from steering.serving.rooms import IDLE_SECONDS, MOST_ROOMS, Rooms


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(clock) -> Rooms:
    return Rooms(clock)


@pytest.fixture
def led(house) -> tuple[str, str]:
    """A room whose presenter's page is `ann` and with a participant, `bob`."""
    name, key = house.start("birch")
    house.sit("ann", name, key)
    house.sit("bob", name)
    return name, key


def shown(house, name="birch"):
    return dict(house.look(name, "", 0, exploring=False).parts)


def test_a_room_shows_what_its_presenter_shows_and_nothing_of_others(house, led):
    house.show("bob", {"request": "mine"})
    house.show("stranger", {"request": "mine"})
    assert shown(house) == {}
    house.show("ann", {"request": "Hi"})
    assert shown(house) == {"request": "Hi"}


def test_what_belongs_to_another_request_is_not_shown(house, led):
    house.show("ann", {"request": "Hi", "board": "1"})
    house.show("ann", {"board": "2"}, of="being typed")
    assert shown(house)["board"] == "1"
    house.show("ann", {"board": "2"}, of="Hi")
    assert shown(house)["board"] == "2"


def test_a_run_of_a_participant_is_noted_and_no_other(house, led):
    for visitor in ("ann", "stranger", ""):
        house.add_tried(visitor, "no", {})
    house.add_tried("bob", "yes", {"flip:k=3": "refused"})
    assert [row.request for row in house.rows(*led)] == ["yes"]


@pytest.mark.parametrize("wrong", ["", "x", "ключ", "\udc80"])
def test_a_wrong_key_changes_and_tells_nothing(house, led, wrong):
    name, key = led
    house.add_tried("bob", "secret", {})
    tries = (
        lambda: house.end(name, wrong),
        lambda: house.mark(name, wrong, 1, pinned=True),
        lambda: house.watch(name, wrong, 0),
        lambda: house.rows(name, wrong),
    )
    for each in tries:
        with pytest.raises(SteeringError, match="not the presenter's key"):
            each()
    assert house.sit("eve", name, wrong) == "participant"
    house.show("eve", {"request": "taken over"})
    assert shown(house) == {}
    assert house.look(name, "", 0, exploring=False).pinned == ()
    # With the right one all of it works.
    house.mark(name, key, 1, pinned=True)
    assert len(house.look(name, "", 0, exploring=False).pinned) == 1
    assert house.sit("eve", name, key) == "presenter"


def test_nothing_that_participants_get_holds_the_key(house, led):
    name, key = led
    house.show("ann", {"request": "Hi"})
    house.add_tried("bob", "mine", {})
    assert key not in repr(house.look(name, "p", 0, exploring=False))
    assert key not in repr(house.watch(name, key, 0))
    assert len({house.start("")[1] for _ in range(5)}) == 5


def test_hidden_rows_reach_neither_participants_nor_the_file(house, led):
    for request in ("good", "bad"):
        house.add_tried("bob", request, {"baseline": "answered"})
    for number in (1, 2):
        house.mark(*led, number, pinned=True)
    house.mark(*led, 2, hidden=True)
    assert [row.request for row in house.look("birch", "", 0, exploring=False).pinned] == ["good"]
    assert [row.request for row in house.rows(*led)] == ["good"]
    house.mark(*led, 2, hidden=False)
    assert len(house.rows(*led)) == 2


def test_an_ended_room_leaves_nothing(house, led):
    house.show("ann", {"request": "Hi"})
    house.add_tried("bob", "mine", {})
    room = weakref.ref(house._rooms["birch"])
    house.end(*led)
    gc.collect()
    assert room() is None
    assert not house._seats
    assert house.look("birch", "p", 0, exploring=False) is None
    house.show("ann", {"request": "Hi"})
    house.add_tried("bob", "mine", {})
    # Another room of the name is another's: neither the old key nor the old pages belong to it.
    again = house.start("birch")
    with pytest.raises(SteeringError, match="not the presenter's key"):
        house.rows(*led)
    house.show("ann", {"request": "Hi"})
    house.add_tried("bob", "mine", {})
    assert shown(house) == {}
    assert house.rows(*again) == ()


def test_a_page_that_knew_an_ended_room_gets_all_of_the_next(house, led):
    house.show("ann", {"request": "Hi"})
    before = house.look("birch", "", 0, exploring=False)
    house.end(*led)
    house.sit("cy", *house.start("birch"))
    house.show("cy", {"request": "Ho"})
    after = house.look("birch", "", before.version, exploring=False)
    assert after.parts == {"request": "Ho"}
    assert after.opened != before.opened


def test_a_room_ends_when_its_presenter_stays_away_whoever_else_looks(house, clock, led):
    clock.now = IDLE_SECONDS - 1
    house.watch(*led, 0)
    clock.now += IDLE_SECONDS - 1
    assert house.look("birch", "p", 0, exploring=False) is not None
    clock.now += 2
    assert house.look("birch", "p", 0, exploring=False) is None
    with pytest.raises(SteeringError, match="no room 'birch'"):
        house.watch(*led, 0)


def test_names_are_plain_and_taken_once(house):
    assert house.start(" Sommer Schule 7! ")[0] == "sommer-schule-7"
    with pytest.raises(SteeringError, match="a room 'sommer-schule-7' already"):
        house.start("Sommer-Schule 7")
    assert rooms.slug("Réunion \u202e<b>") == "reunion-b"
    assert len(rooms.slug("x" * 10_000)) == rooms.NAME_CHARACTERS
    made = house.start("!!!")[0]
    assert rooms.slug(made) == made != ""


def test_there_are_so_many_rooms_and_no_more(house, clock):
    for _ in range(MOST_ROOMS):
        house.start("")
    with pytest.raises(SteeringError, match="the most there may be"):
        house.start("")
    clock.now = IDLE_SECONDS + 1  # nobody has led them
    house.start("")
    assert len(house._rooms) == 1


def test_pages_wait_longer_the_more_there_are(house, led):
    alone = house.wait_ms("birch")
    for person in range(300):
        house.look("birch", str(person), 0, exploring=False)
    assert alone < house.wait_ms("birch") < 4001
    assert 300 / house.wait_ms("birch") <= 0.15  # looks a millisecond, of all of them
    assert house.wait_ms("none") == alone


def test_threads_may_show_and_look_at_the_same_time(house, led):
    wrong = []

    def look() -> None:
        known = 0
        for _ in range(300):
            seen = house.look("birch", "p", known, exploring=False)
            if seen.version < known or (seen.version == known and seen.parts):
                wrong.append(seen)
            known = seen.version

    looking = [threading.Thread(target=look) for _ in range(4)]
    for each in looking:
        each.start()
    for number in range(300):
        house.show("ann", {"request": str(number)})
    for each in looking:
        each.join()
    assert wrong == []
    assert shown(house) == {"request": "299"}


def test_a_client_has_a_few_rooms_and_others_have_theirs(house):
    for _ in range(2):
        house.start("", {"a": 2})
    with pytest.raises(SteeringError, match="2 rooms that were started from your network address"):
        house.start("", {"a": 2})
    assert house.start("", {"b": 2})
    # Whoever has room alone, but not together with others, has none.
    with pytest.raises(SteeringError, match="the most there may be"):
        house.start("", {"c": 2, "b": 1})


def test_a_room_that_was_ended_counts_no_more(house):
    name, key = house.start("", {"a": 1})
    house.end(name, key)
    assert house.start("", {"a": 1})


def test_a_room_whose_presenter_is_away_for_long_gives_way_and_no_other(house, clock):
    led = [house.start("", {f"{n}": 1}) for n in range(MOST_ROOMS)]
    clock.now = rooms.LEFT_SECONDS
    with pytest.raises(SteeringError, match="rooms on this server"):
        house.start("")
    for name, key in led[1:]:
        house.watch(name, key, 0)
    clock.now += 1
    assert house.start("new")
    assert house.look(led[0][0], "", 0, exploring=False) is None
    assert all(house.look(name, "", 0, exploring=False) for name, _ in led[1:])
    with pytest.raises(SteeringError, match="rooms on this server"):
        house.start("")


def test_an_own_room_that_was_left_gives_way_to_an_own_one(house, clock):
    left, _ = house.start("", {"a": 1})
    other, _ = house.start("", {"b": 1})
    clock.now = rooms.LEFT_SECONDS + 1
    house.start("", {"a": 1})
    assert house.look(left, "", 0, exploring=False) is None
    assert house.look(other, "", 0, exploring=False)
