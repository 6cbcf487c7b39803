import json

import pytest

from steering.maps.steerable_model import SteerableModel
from steering.ui import links, opened_link
from steering.ui.playground import ended_runs, packed_run
from steering.ui.templates import NOTHING
from tests.helpers.ended import ended


def test_a_link_sets_request_cards_and_numbers(made, engine):
    address = "playground&request=Hi&panel=flip:k=1&own=ablation&seed=3"
    updates = opened_link.opened(made, engine, address)
    assert set(updates) <= set(opened_link.outputs_of(made))
    assert updates[made.request] == "Hi"
    assert updates[made.shared.seed] == 3
    assert updates[made.shared.length] == made.shared.length.value
    cards = {card.slot: card for card in made.cards}
    assert updates[cards["flip"].on]["value"] is True
    assert updates[cards["flip"].controls["k"]]["value"] == 1
    assert updates[cards["own"].kind]["value"] == "ablation"
    for slot in ("actadd", "ablation", "nullspace"):
        assert updates[cards[slot].on]["value"] is False
        assert 'data-state="off"' in updates[cards[slot].view]
    assert 'data-state="idle"' in updates[cards["flip"].view]


def test_a_link_without_cards_leaves_them_as_a_page_starts(made, engine):
    updates = opened_link.opened(made, engine, "playground&request=Hi")
    on = {card.slot: updates[card.on]["value"] for card in made.cards if card.on is not None}
    assert on == {"actadd": True, "ablation": True, "nullspace": True, "flip": True, "own": False}


def test_no_link_changes_nothing_and_a_bad_one_is_a_sentence(made, engine):
    for address in ("dose", None, 7):
        assert list(opened_link.opened(made, engine, address)) == [made.note]
    updates = opened_link.opened(made, engine, "playground&request=Hi&panel=flip:k=999")
    assert list(updates) == [made.note]
    assert "This link cannot be opened" in updates[made.note]
    assert updates[made.note] != NOTHING


def test_a_link_of_another_model_says_so(made, engine):
    updates = opened_link.opened(made, engine, "playground&request=Hi&model=<b>other</b>")
    assert "made with &lt;b&gt;other&lt;/b&gt;" in updates[made.note]


@pytest.fixture(scope="module")
def document(tiny, fitted):
    return ended_runs.document(ended(SteerableModel(tiny, fitted)))


def test_a_link_with_answers_shows_them_as_shared(made, engine, document):
    address = f"playground&run={packed_run.packed(document)}&layer=2"
    updates = opened_link.opened(made, engine, address)
    assert set(updates) <= set(opened_link.outputs_of(made))
    assert 'data-state="shared"' in updates[made.cards[0].view]
    assert "shared by whoever sent this link" in updates[made.note]
    broken = opened_link.opened(made, engine, address.replace("run=", "run=x"))
    assert list(broken) == [made.note]
    assert "cannot be opened" in broken[made.note]


def test_a_saved_file_is_shown_and_a_bad_one_changes_nothing(made, engine, document):
    given = {"asked": 4, "name": "run.json", "text": json.dumps(document)}
    updates = opened_link.opened_file(made, engine, given)
    assert set(updates) <= {*opened_link.outputs_of(made), made.saving.board}
    assert 'data-state="saved"' in updates[made.cards[0].view]
    assert json.loads(updates[made.saving.board]) == {"asked": 4, "opened": True}
    for text in ("{}", "<p>", "\0"):
        refused = opened_link.opened_file(made, engine, given | {"text": text})
        assert list(refused) == [made.saving.board]
        assert "Run.json" in json.loads(refused[made.saving.board])["problem"]


@pytest.fixture
def room(made):
    """A room that `ann` leads."""
    house = made.room.rooms
    name, key = house.start("")
    house.sit("ann", name, key)
    yield lambda: dict(house.look(name, "", 0, exploring=False).parts)
    house.end(name, key)


def test_a_room_sees_the_link_that_its_presenter_opens_and_no_other(made, engine, room):
    address = "playground&request=Hi&panel=flip:k=1&seed=3"
    opened_link.opened(made, engine, address, "bob")
    assert room() == {}
    opened_link.opened(made, engine, address.replace("k=1", "k=99"), "ann")
    assert room() == {}
    updates = opened_link.opened(made, engine, address, "ann")
    assert room()["request"] == "Hi"
    assert "flip:k=1" in room()["form:flip"]
    assert room()["form:ablation"] == ""
    for card in made.cards:
        assert room()[f"view:{card.slot}"] == updates[card.view]
    link = links.read(room()["address"])
    assert (link.request, link.numbers["seed"]) == ("Hi", 3)


@pytest.mark.parametrize("same", [True, False])
def test_a_room_sees_the_run_that_its_presenter_opens(made, engine, room, document, same):
    ours = document | {"model": engine.name if same else "other"}
    given = {"asked": 1, "name": "run.json", "text": json.dumps(ours)}
    opened_link.opened_file(made, engine, given, "ann")
    assert 'data-state="saved"' in room()["view:flip"]
    assert 'data-copy="flip"' in room()["form:flip"]
    address = f"playground&run={packed_run.packed(ours)}"
    opened_link.opened(made, engine, address, "ann")
    assert 'data-state="shared"' in room()["view:flip"]
    # Whoever explores begins with the request, not with answers that are not theirs.
    assert links.read(room()["address"]).run is None
