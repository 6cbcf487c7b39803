from dataclasses import replace

import pytest

from steering.chat_templates.turns import Exchange
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.ui.playground.asked import EndedRun, Said
from steering.ui.playground.conversations import Following, first_request, following
from tests.helpers.ended import asked_of


def said(request: str, text: str) -> Said:
    return Said(request, Answer("baseline", text), "baseline", Sampling())


def talk(*texts: str) -> tuple[Said, ...]:
    return tuple(said(f"request {n}", text) for n, text in enumerate(texts))


@pytest.fixture
def before(fitted):
    return EndedRun(
        asked_of(fitted, prompt="request 1"),
        {"baseline": talk("a", "b"), "flip": talk("c", "d")},
        "maps",
    )


def test_every_card_goes_on_with_its_own(fitted, before):
    found = following(asked_of(fitted, prompt="Next"), before)
    assert found.asked.prompt == "Next"
    assert found.histories == [
        (Exchange("request 0", "a"), Exchange("request 1", "b")),
        (Exchange("request 0", "c"), Exchange("request 1", "d")),
    ]
    assert before.turns_before("flip") == (Exchange("request 0", "c"),)
    assert before.is_conversation
    assert first_request(before) == "request 0"
    assert first_request(None) == ""


def test_a_card_that_was_not_there_waits_for_a_new_request(fitted, before):
    slots = ("baseline", "ablation", "flip")
    found = following(asked_of(fitted, slots=slots), before)
    assert list(found.asked.chosen) == ["baseline", "flip"]
    assert found.joining == {"ablation"}
    # One that is switched off is out; nobody waits for it.
    found = following(asked_of(fitted, slots=("baseline",)), before)
    assert (list(found.talks), found.joining) == (["baseline"], frozenset())


def test_a_new_request_has_nothing_before_it(fitted):
    new = Following(asked_of(fitted))
    assert new.histories == []
    assert new.talks == {"baseline": (), "flip": ()}
    new.require("whatever")


def test_what_ends_a_conversation_is_told(fitted, before):
    with pytest.raises(SteeringError, match="system prompt was changed"):
        following(asked_of(fitted, system="Be brief."), before)
    following(asked_of(fitted, system="  "), before)
    for none in (None, "x", replace(before, talks={})):
        with pytest.raises(SteeringError, match="no conversation"):
            following(asked_of(fitted), none)
    found = following(asked_of(fitted), before)
    found.require("maps")
    with pytest.raises(SteeringError, match="model or its directions were changed"):
        found.require("others")
