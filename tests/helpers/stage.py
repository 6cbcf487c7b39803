"""Where things are on the page: on a phone one card is seen at a time, or the map."""

from typing import Any


def show_map(page: Any) -> None:
    """Bring the map into sight, on any screen."""
    page.wait_for_selector("#atlas", state="attached")
    if page.is_visible("#verdicts"):
        page.click("#verdicts [data-shows=map]")
    page.locator("#atlas").scroll_into_view_if_needed()


def open_models(page: Any) -> None:
    """Open the list of models, in the settings."""
    if not page.is_visible("#chooser input"):
        page.click("#more [data-drawer]")
    if not page.is_visible("#chooser input"):
        page.click("#settings button.label-wrap:has-text('The model')")
    page.click("#chooser input")


def show_card(page: Any, slot: str) -> None:
    """Bring a card into sight, on any screen."""
    if page.is_visible("#verdicts"):
        page.click(f"#verdicts [data-shows={slot}]")
    page.locator(f"#card-{slot}").scroll_into_view_if_needed()
