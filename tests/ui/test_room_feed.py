"""What a room sees of its presenter's page, on the tiny model and without a browser."""

import gradio as gr
import pytest

from steering.inference import comparison
from steering.ui import links, room_feed, run_handlers
from steering.ui.playground.answer_html import view
from tests.helpers.built_page import call, values_of, wired
from tests.helpers.engines import ready

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch) -> None:
    """Look at the line again at once."""
    monkeypatch.setattr(run_handlers, "_POLL_SECONDS", 0)


@pytest.fixture
def room(made):
    """A room that `ann` leads and `bob` is in."""
    house = made.room.rooms
    name, key = house.start("")
    house.sit("ann", name, key)
    house.sit("bob", name)
    yield name, key
    house.end(name, key)


def run(made, engine, visitor, prompt="Hi", **options):
    values = values_of(made, prompt, slots=["flip"], **options)
    running = run_handlers.run(made, engine, visitor, values)
    return list(room_feed.told(made, engine, visitor, running, values))


def shown(made, room):
    return dict(made.room.rooms.look(room[0], "", 0, exploring=False).parts)


def test_the_room_sees_request_panels_and_answers_as_they_are_on_the_page(made, engine, room):
    updates = run(made, engine, "ann", EVIL)
    parts = shown(made, room)
    assert parts["request"] == EVIL
    assert "flip" in parts["form:flip"]
    assert parts["form:ablation"] == ""  # switched off
    for card in made.cards:
        last = [each[card.view] for each in updates if card.view in each][-1]
        assert parts[f"view:{card.slot}"] == last
    assert 'data-state="done"' in parts["view:flip"]
    # What a visitor typed is markup nowhere.
    assert not any("<img" in value for name, value in parts.items() if name != "request")


def test_the_room_sees_a_run_while_it_is_written(made, engine, room):
    values = values_of(made, slots=["flip"])
    running = run_handlers.run(made, engine, "ann", values)
    states = []
    for _ in room_feed.told(made, engine, "ann", running, values):
        states.append(shown(made, room)["view:flip"].split('data-state="')[1].split('"')[0])
    assert states[0] == "waiting"
    assert "writing" in states
    assert states[-1] == "done"


def test_the_address_sets_another_page_like_the_presenters(made, engine, room):
    run(made, engine, "ann", "Hi & you", system="Be brief.")
    link = links.read(shown(made, room)["address"])
    assert (link.request, link.system) == ("Hi & you", "Be brief.")
    assert [panel.name for panel in link.panels] == ["baseline", "flip"]
    assert link.numbers["tokens"] == 8


def test_in_a_follow_up_the_address_has_the_first_request(made, engine, room):
    first = run(made, engine, "ann", "Hi")
    (ended,) = [each[made.answered] for each in first if each.get(made.answered)]
    values = values_of(made, "And then?", slots=["flip"])
    values |= {made.follow: True, made.inspector.answers: ended}
    running = run_handlers.run(made, engine, "ann", values)
    seen = set()
    for _ in room_feed.told(made, engine, "ann", running, values):
        parts = shown(made, room)
        seen.add((parts["request"], links.read(parts["address"]).request))
    assert seen == {("And then?", "Hi")}


def test_a_run_of_a_participant_is_a_row_and_shows_nothing(made, engine, room):
    run(made, engine, "bob", "mine")
    assert shown(made, room) == {}
    (row,) = made.room.rooms.rows(*room)
    assert row.request == "mine"
    assert [panel for panel, _ in row.outcomes] == ["baseline", "flip"]
    assert all(verdict for _, verdict in row.outcomes)
    run(made, engine, "ann", "shown")
    assert len(made.room.rooms.rows(*room)) == 1


def test_a_run_that_is_refused_at_once_leaves_the_room_where_it_is(made, engine, room):
    run(made, engine, "ann", "Hi")
    before = shown(made, room)
    run(made, engine, "ann", "x" * (comparison.MAX_CHARACTERS + 1))
    assert shown(made, room) == before


def test_the_map_of_the_room_follows_the_request_that_it_is_at(made, engine, room):
    place = room_feed.place(made, engine)
    request = gr.Request(session_hash="ann")
    place(request, values_of(made, "being typed"))
    assert "board" not in shown(made, room)
    run(made, engine, "ann", "Hi")
    board = place(request, values_of(made, "Hi"))
    assert shown(made, room)["board"] == board
    place(request, values_of(made, "the next"))
    assert shown(made, room)["board"] == board
    place(gr.Request(session_hash="bob"), values_of(made, "Hi", slots=[]))
    assert shown(made, room)["board"] == board


def test_an_example_is_shown_too(made, engine, room):
    asked = made.read(values_of(made, "Hi"))
    updates = {made.cards[0].view: view(None, "idle"), made.note: "not for the room"}
    room_feed.show(made, engine, "ann", updates, asked)
    parts = shown(made, room)
    assert parts["request"] == "Hi"
    assert parts["view:baseline"] == view(None, "idle")
    assert "not for the room" not in str(parts)


def test_a_hundred_followers_cost_one_run(made, engine, room, monkeypatch):
    calls = []
    forward = engine.model.network.forward

    def counted(*arguments, **options):
        calls.append(1)
        return forward(*arguments, **options)

    monkeypatch.setattr(engine.model.network, "forward", counted)
    run(made, engine, "ann", "How many?")
    alone = len(calls)
    assert alone > 0
    house = made.room.rooms
    known = dict.fromkeys(range(100), 0)
    values = values_of(made, "How many?", slots=["flip"])
    running = run_handlers.run(made, engine, "ann", values)
    for _ in room_feed.told(made, engine, "ann", running, values):
        for person in known:
            seen = house.look(room[0], str(person), known[person], exploring=False)
            known[person] = seen.version
    assert len(calls) == 2 * alone
    assert len(set(known.values())) == 1
    assert house.watch(*room, 0).here == 100


def test_the_wired_page_seats_its_visitors_and_shows_their_runs(tiny, fitted):
    engine = ready(tiny, fitted)
    demo, page = wired(engine)
    house = page.room.rooms
    name, key = house.start("")
    (sit,) = (fn for fn in demo.fns.values() if getattr(fn.fn, "__name__", "") == "sit")
    sit.fn(_event({"room": name, "key": key}), gr.Request(session_hash="ann"))
    sit.fn(_event({"room": name, "key": "x"}), gr.Request(session_hash="bob"))
    (answer,) = (fn for fn in demo.fns.values() if getattr(fn.fn, "__name__", "") == "run")
    values = values_of(page, "Hi", slots=["flip"])
    for visitor in ("ann", "bob"):
        call(answer, [values[each] for each in answer.inputs], visitor)
    seen = house.look(name, "", 0, exploring=False)
    assert seen.parts["request"] == "Hi"
    assert len(house.rows(name, key)) == 1


def _event(data):
    return gr.EventData(None, data)
