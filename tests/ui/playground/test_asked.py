"""A request and its cards as one value."""

import pytest

from steering.interventions.panel import Panel
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, Setting, typed_text


def test_only_cards_that_are_on_take_part(fitted):
    values = card_settings.start(Panel("flip"), fitted)
    settings = {slot: Setting(slot, slot != "own", "flip", values) for slot in ("flip", "own")}
    asked = Asked("Hi", settings)
    assert list(asked.chosen) == ["flip"]
    assert asked.chosen["flip"].title == "Counterfactual flipping"
    assert str(asked.chosen["flip"].panel(fitted)) == "flip"


@pytest.mark.parametrize("sent", [None, 1.5, ["Hi"], {}])
def test_what_is_no_text_is_an_empty_one(sent):
    assert typed_text(sent) == ""
    assert typed_text("Hi") == "Hi"
