from steering.ui import opened_link
from steering.ui.templates import NOTHING


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
