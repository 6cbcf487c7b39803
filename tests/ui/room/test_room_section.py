import json
from types import SimpleNamespace

import pytest
from gradio.helpers import special_args

from steering.serving import room_shares
from steering.serving.rooms import Rooms
from steering.ui.room import room_section


@pytest.fixture
def house() -> Rooms:
    return Rooms()


@pytest.fixture
def ask(house):
    answers = room_section.answers(house)
    return lambda question, /, **asked: answers[question](asked)


def test_a_room_is_led_with_its_key_and_seen_without(house, ask):
    led = ask("begin", name="Birch")
    key = {"room": led["name"], "key": led["key"]}
    room_section.sit(house, "ann", key)
    room_section.sit(house, "bob", {"room": "birch"})
    house.show("ann", {"request": "Hi"})
    seen = ask("look", room="birch", person="p", known=0, exploring=True)
    assert seen["parts"] == {"request": "Hi"}
    assert seen["pins"]["count"] == 0
    assert "pins" not in ask("look", room="birch", person="p", known=seen["version"])
    house.add_tried("bob", "mine", {"baseline": "refused"})
    watched = ask("watch", **key, known=0)
    assert (watched["here"], watched["tried"]) == (1, 1)
    ask("mark", **key, row=1, mark="pin")
    pins = ask("look", room="birch", person="p", known=seen["version"])["pins"]
    assert pins["count"] == 1
    assert "mine" in pins["html"]
    assert "mine" in ask("table", **key)["csv"]
    assert ask("end", **key) == {}
    assert ask("look", room="birch", person="p", known=0) == {"there": False}


def test_exploring_is_what_the_latest_look_says(house, ask):
    led = ask("begin", name="")
    for exploring in (True, False):
        ask("look", room=led["name"], person="p", known=0, exploring=exploring)
        watched = ask("watch", room=led["name"], key=led["key"], known=0)
        assert watched["exploring"] == int(exploring)


@pytest.mark.parametrize("name", ["watch", "mark", "table", "end"])
def test_a_wrong_key_is_a_sentence(ask, name):
    room = ask("begin", name="")["name"]
    assert "not the presenter's key" in ask(name, room=room, key="x")["problem"]
    assert "There is no room" in ask(name, room="none", key="x")["problem"]


@pytest.mark.parametrize("sent", [None, 7, "x", [], {"room": 5, "known": "x", "person": {}}])
def test_whatever_a_browser_sends_is_answered_with_plain_data(house, sent):
    for name, answer in room_section.answers(house).items():
        assert answer.__name__ == name
        json.dumps(answer(sent))
    room_section.sit(house, "ann", sent)


def test_the_code_of_a_link_is_for_whoever_leads_the_room(ask):
    led = ask("begin", name="")
    key = {"room": led["name"], "key": led["key"]}
    assert ask("code", **key, link="http://host/?room=x")["svg"].startswith("<svg")
    assert "makes no code" in ask("code", **key, link="")["problem"]
    assert "not the presenter's key" in ask("code", **key | {"key": "x"}, link="x")["problem"]


def test_rooms_are_counted_by_the_address_that_a_request_comes_from(house):
    begin = room_section.answers(house)["begin"]

    def asked(host, **headers):
        client = SimpleNamespace(host=host)
        return begin({"name": ""}, SimpleNamespace(client=client, headers=headers))

    for _ in range(room_shares.ADDRESS_SHARE):
        assert asked("1.2.3.4")["key"]
    assert "from your network address" in asked("1.2.3.4")["problem"]
    assert asked("1.2.3.5")["key"]
    assert asked("10.0.0.1", **{"x-forwarded-for": "1.2.3.4"})["key"]


def test_gradio_hands_the_request_to_whoever_opens_a_room(house):
    begin = room_section.answers(house)["begin"]
    request = SimpleNamespace(client=None, headers={})
    given, *_ = special_args(begin, [{"name": "x"}], request)
    assert given == [{"name": "x"}, request]
