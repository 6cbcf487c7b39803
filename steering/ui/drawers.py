"""What is folded away: buttons that open a drawer, and the head of a drawer that closes it.

A drawer lies over the page when it is open, so that nothing else moves. Which one is open is the
browser's affair (assets/page/drawers.js): a button names its drawer, and the card, menu or page
around it is marked with that name.
"""

from typing import Final

from markupsafe import Markup

from steering.ui.templates import static, template

_OPENER = template(
    '<button type="button" class="opener" data-drawer="{{ name }}" aria-expanded="false"'
    '{% if tip %} title="{{ tip }}"{% endif %}>{{ title }}</button>'
)
_HEAD = template(
    '<div class="drawer-head"><h2>{{ title }}</h2>'
    '<button type="button" class="closer" aria-label="Close">'
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>'
    "</button></div>"
)
FIRST_TOKENS: Final = static("<h4>First token: the five likeliest</h4>")
"""What stands over them in a card's drawer."""


def opener(name: str, title: str, tip: str = "") -> Markup:
    """Return a button that opens a drawer, and closes it when it is open.

    Args:
        name: Of the drawer, within the card, the menu or the page that the button stands in.
        title: Written on it.
        tip: Said of it on pointing.
    """
    return _OPENER(name=name, title=title, tip=tip)


def card_openers(*, has_settings: bool) -> Markup:
    """Return the buttons at the foot of a card."""
    settings = opener("settings", "Settings", "Layer, place and directions of this edit")
    numbers = opener("numbers", "Numbers", "What was measured, and the likeliest first tokens")
    return settings + numbers if has_settings else numbers


def head(title: str) -> Markup:
    """Return the head of a drawer of the page."""
    return _HEAD(title=title)
