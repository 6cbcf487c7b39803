import re
from dataclasses import replace

from steering.inference.comparison import Answer
from steering.serving.page_pace import PagePaces
from steering.ui import growing_cards
from steering.ui.playground.asked import EndedRun
from steering.ui.playground.conversations import Following, following
from steering.ui.playground.request_mark import NO_REQUEST, mark_of
from tests.helpers.ended import asked_of
from tests.ui.playground.test_conversations import talk


def states(updates, made):
    return {
        card.slot: re.search(r'data-state="(\w+)"', updates[card.view])[1]
        for card in made.cards
        if card.view in updates
    }


def test_cards_wait_with_their_earlier_turns_and_others_say_why_not(made, fitted):
    before = EndedRun(asked_of(fitted), {"baseline": talk("One"), "flip": talk("Two")})
    slots = ("baseline", "ablation", "flip")
    follow = following(asked_of(fitted, prompt="Next", slots=slots), before)
    updates = growing_cards.waiting(made, follow)
    found = states(updates, made)
    assert (found["baseline"], found["flip"]) == ("waiting", "waiting")
    assert (found["ablation"], found["own"]) == ("joins", "off")
    by_slot = {card.slot: updates[card.view] for card in made.cards}
    assert "Two" in by_slot["flip"]
    assert "One" not in by_slot["flip"]
    assert "Next" in by_slot["flip"]
    assert "next new request" in by_slot["ablation"]
    new = growing_cards.waiting(made, Following(asked_of(fitted)))
    assert "earlier" not in new[made.cards[0].view]


def test_answers_grow_below_what_was_said(made):
    growing = (answers for answers in [(Answer("baseline", "Words"),)] * 2)
    talks = {"baseline": talk("Before")}
    shown = growing_cards.show_growing(made, talks, growing, "Now?", NO_REQUEST, PagePaces())
    (first, _) = list(shown)
    view = first[made.cards[0].view]
    assert view.index("Before") < view.index("Now?") < view.index("Words")
    assert made.cards[1].view not in first


def test_a_page_that_is_behind_is_sent_what_will_not_be_replaced(made):
    written = Answer("baseline", "More")
    judged = replace(written, verdict="answered")
    growing = (answers for answers in [(written,)] * 6 + [(judged,)] * 2)
    talks, paces = {"baseline": []}, PagePaces()
    shown = growing_cards.show_growing(made, talks, growing, "Now?", NO_REQUEST, paces)
    view = next(shown)[made.cards[0].view]
    run, number, _ = re.search(r'data-update="([^"]+)"', view)[1].split()
    assert number == "1"
    assert paces.hear(run, 1, behind=False)
    next(shown), paces.hear(run, 1, behind=True)
    numbers = [re.search(r'data-update="\w+ (\d+)', each[made.cards[0].view])[1] for each in shown]
    assert numbers == ["3", "4"]  # of six: both with verdicts
    assert not paces.hear(run, 1, behind=True)


def test_what_stood_there_stands_there_again(made, engine, fitted):
    run = EndedRun(asked_of(fitted), {"flip": talk("One", "Two")})
    updates = growing_cards.ended(made, engine, run)
    found = states(updates, made)
    assert found.pop("flip") == "done"
    assert set(found.values()) <= {"idle", "off"}  # none is left waiting
    card = next(card for card in made.cards if card.slot == "flip")
    view = updates[card.view]
    assert card.tokens in updates
    assert f'data-request="{mark_of(engine, "request 1").request}"' in view
    assert view.index("request 0") < view.index("One") < view.index("request 1") < view.index("Two")
