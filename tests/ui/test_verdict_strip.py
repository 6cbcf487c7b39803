from steering.ui import text, verdict_strip
from steering.ui.playground import card_settings


def test_every_card_has_a_button_and_so_has_the_map():
    assert list(verdict_strip.SHORT) == list(card_settings.SLOTS)
    made = verdict_strip.strip()
    for slot in (*card_settings.SLOTS, "map"):
        assert f'data-shows="{slot}"' in made
    for slot in card_settings.SLOTS:
        assert text.title(slot, card_settings.kind_of(slot)) in made
