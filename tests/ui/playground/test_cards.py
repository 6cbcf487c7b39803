"""What a card's components become as data, and what a handler sends back to them."""

from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.interventions.directions import ClassFit
from steering.interventions.panel import KEYS, Panel, parse
from steering.interventions.stability import Stability
from steering.ui.playground import card_settings, cards
from steering.ui.playground.asked import Setting


@pytest.fixture
def card(made):
    """A card by its name."""
    return {each.slot: each for each in made.cards}.get


def sent(card, **changes):
    """The values of a card's inputs as a browser sends them, some of them changed."""
    named = {"on": card.on, "kind": card.kind, **card.controls}
    values = {each: each.value for each in card.inputs}
    return values | {named[name]: value for name, value in changes.items()}


def told(updates, component):
    return updates[component]["value"]


@pytest.mark.parametrize("slot", card_settings.SLOTS)
def test_a_card_is_read_as_it_was_laid_out(card, slot, fitted):
    read = card(slot).read(sent(card(slot)))
    kind = card_settings.SLOTS[slot].name
    assert (read.slot, read.kind) == (slot, kind)
    assert read.on == card_settings.starts_on(slot, fitted)
    start = card_settings.panel_of(
        kind, card_settings.start(card_settings.SLOTS[slot], fitted), fitted
    )
    assert str(read.panel(fitted)) == str(start)


def test_the_baseline_always_takes_part_and_others_when_they_are_switched_on(card):
    assert card("baseline").inputs == []
    assert card("baseline").read({}).on is True
    for value in (True, False):
        assert card("flip").read(sent(card("flip"), on=value)).on is value


def test_a_list_whose_text_was_emptied_is_no_panel(card, fitted):
    read = card("own").read(sent(card("own"), kind=None))
    with pytest.raises(SteeringError, match="no edit is chosen"):
        read.panel(fitted)
    assert "No edit is chosen" in cards.form_of(read, fitted)


@pytest.mark.parametrize("kind", card_settings.FREE_KINDS)
def test_a_card_that_becomes_another_kind_shows_its_controls_alone(card, fitted, kind):
    own = card("own")
    updates = cards.turn_into(own, kind, card_settings.start(Panel(kind), fitted), fitted)
    shown = {key for key, control in own.controls.items() if updates[control]["visible"]}
    assert shown == set(KEYS[kind]) & set(own.controls)
    assert kind in updates[own.form]


def test_a_rank_beyond_a_layer_comes_back_to_the_highest_there(card, fitted):
    flip = card("flip")
    point = min(fitted.inlp_ranks, key=lambda point: fitted.inlp_ranks[point])
    read = flip.read(sent(flip, k=99, layer=point[1]))
    updates = cards.refit(flip, read, fitted)
    highest = card_settings.limits("flip", "inlp", point[1], fitted).k
    assert told(updates, flip.controls["k"]) == highest
    assert updates[flip.controls["k"]]["maximum"] == max(highest, 2)


def test_how_alike_directions_come_out_is_said_at_their_own_slider_alone(card, fitted):
    point = fitted.inlp_point
    stability = Stability((1, 3), (0.9, 0.2))
    known = {**fitted.inlp, point: replace(fitted.inlp[point], stability=stability)}
    told_of = replace(fitted, inlp=known)
    other = next(layer for at, layer in fitted.inlp if at == point[0] and layer != point[1])
    for kind, basis, layer, note in (
        ("flip", "inlp", point[1], stability.sentence),
        ("nullspace", "inlp", point[1], stability.sentence),
        ("flip", "inlp", other, ""),
        ("flip", "dim", point[1], ""),
        ("flip", "random", point[1], ""),
        ("ablation", "dim", point[1], ""),
    ):
        assert card_settings.limits(kind, basis, layer, told_of).k_note == note
        assert card_settings.limits(kind, basis, layer, fitted).k_note == ""
    flip = card("flip")
    updates = cards.restart(flip, told_of)
    meaning = "How many directions are taken."
    assert updates[flip.controls["k"]]["info"] == f"{meaning} {stability.sentence}"
    assert "info" not in updates[flip.controls["alpha"]]
    updates = cards.refit(flip, flip.read(sent(flip, layer=other)), told_of)
    assert updates[flip.controls["k"]]["info"] == meaning


def test_the_definition_of_the_classes_is_offered_as_it_was_fitted_and_follows_the_basis(
    card, fitted
):
    own, old = card("own"), replace(fitted, dim_classes="behaviour", inlp_classes="label")
    radio = own.controls["classes"]

    def offered(basis, classes, facts=old):
        read = own.read(sent(own, kind="ablation", basis=basis, classes=classes))
        return cards.refit(own, read, facts)[radio]

    assert [value for _, value in offered("dim", "behaviour")["choices"]] == ["behaviour"]
    turned = offered("inlp", "behaviour")
    assert [value for _, value in turned["choices"]] == [turned["value"]] == ["label"]
    assert "value" not in offered("dim", "behaviour")
    other = ClassFit("behaviour", fitted.difference, fitted.harmless_mean, fitted.inlp)
    both = offered("inlp", "behaviour", replace(fitted, other=other))
    assert {value for _, value in both["choices"]} == {"label", "behaviour"}
    assert "value" not in both
    imported = replace(fitted, dim_classes=None, inlp_classes=None)
    assert offered("dim", "label", imported)["visible"] is False


@pytest.mark.parametrize("typed", [None, "", "-"])
def test_a_field_that_is_still_being_typed_in_is_left_alone(card, fitted, typed):
    flip = card("flip")
    updates = cards.refit(flip, flip.read(sent(flip, k=typed)), fitted)
    assert "value" not in updates[flip.controls["k"]]


@pytest.mark.parametrize("slot", card_settings.SLOTS)
def test_a_restart_undoes_whatever_was_set(card, fitted, slot):
    made = card(slot)
    updates = cards.restart(made, fitted)
    start = card_settings.start(card_settings.SLOTS[slot], fitted)
    assert {key: told(updates, each) for key, each in made.controls.items()} == {
        key: start[key] for key in made.controls
    }
    if made.on is not None:
        assert told(updates, made.on) == card_settings.starts_on(slot, fitted)


def test_a_panel_that_is_brought_switches_its_card_on(card, fitted):
    brought = card_settings.bring(parse("flip:k=1,alpha=0.5"), fitted)
    made = card(brought.slot)
    updates = cards.bring(made, brought, fitted)
    assert told(updates, made.on) is True
    assert (told(updates, made.controls["k"]), told(updates, made.controls["alpha"])) == (1, 0.5)
    assert "flip:k=1,alpha=0.5" in updates[made.form]


def test_a_text_form_says_what_is_wrong_with_the_values(fitted):
    values = card_settings.start(Panel("flip"), fitted)
    assert "flip" in cards.form_of(Setting("flip", True, "flip", values), fitted)
    wrong = Setting("flip", True, "flip", values | {"alpha": 99})
    assert "out of range" in cards.form_of(wrong, fitted)
