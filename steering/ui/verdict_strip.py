"""The strip of all cards with their verdicts: on a phone it stays in sight and chooses the card.

What each card says is copied into it by assets/page/verdicts.js, as the answers come.
"""

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from steering.ui import text
from steering.ui.playground import card_settings
from steering.ui.templates import static, template

SHORT: Final[Mapping[str, str]] = {
    "baseline": "Base",
    "actadd": "Add",
    "ablation": "Ablate",
    "nullspace": "Null",
    "flip": "Flip",
    "own": "Own",
}
"""Names of the cards that fit under a thumb."""
_STRIP = template(
    '<nav aria-label="Answers and map">{% for card in cards %}'
    '<button type="button" class="card-{{ card.slot }}" data-shows="{{ card.slot }}" '
    'aria-pressed="false">{{ card.mark }}<span class="said" aria-hidden="true"></span>'
    '<span class="short" aria-hidden="true">{{ card.short }}</span>'
    '<span class="unseen">{{ card.title }}<span class="told"></span></span></button>{% endfor %}'
    '<button type="button" data-shows="map" aria-pressed="false">{{ map }}'
    '<span class="said" aria-hidden="true"></span><span class="short">Map</span></button></nav>'
)
_MAP = static(
    '<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><circle cx="4" cy="5" r="2.4"/>'
    '<circle cx="11.5" cy="4" r="2.4"/><circle cx="5.5" cy="12" r="2.4"/>'
    '<circle cx="12" cy="11" r="2.4"/></svg>'
)


def strip() -> Markup:
    """Return the strip: a button a card, and one for the map."""
    cards = [
        {
            "slot": slot,
            "mark": text.mark(slot),
            "short": short,
            "title": text.title(slot, card_settings.kind_of(slot)),
        }
        for slot, short in SHORT.items()
    ]
    return _STRIP(cards=cards, map=_MAP)
