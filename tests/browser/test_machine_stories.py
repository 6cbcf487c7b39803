"""What the map says of the machine that the model runs on."""

import pytest

pytestmark = pytest.mark.browser

WORDS = "[data-part='machine-words']"


def said(page, words: str) -> str:
    page.wait_for_function(
        "([at, words]) => document.querySelector(at)?.textContent.includes(words)",
        arg=[WORDS, words],
    )
    return page.inner_text(WORDS)


def test_under_the_map_stands_what_was_checked_at_the_layer_that_is_shown(app, visit):
    page = visit(app).page
    page.locator("#atlas").scroll_into_view_if_needed()
    page.wait_for_selector('.atlas[data-state="there"]')
    first = said(page, "the same 32 prompts land")
    assert first.endswith("the same map.")
    assert page.get_attribute(".atlas", "data-serves") == "yes"
    page.click('[data-part="presets"] [data-value="last"]')
    assert said(page, "the same 32 prompts land").endswith("the same map.")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_layer_that_does_not_serve_is_greyed_out_with_the_reason_and_a_remedy(app, visit, width):
    visitor = visit(app, viewport={"width": width, "height": 720})
    page = visitor.page

    def told(route):
        answer = route.fetch()
        text = answer.text().replace('"verdict":"same"', '"verdict":"unusable"')
        text = text.replace(": the same map", ", and 0.70 of the spread within a class is left")
        route.fulfill(response=answer, body=text)

    page.route("**/component_server/**", told)
    page.route("**/component_server", told)
    page.locator("#atlas").scroll_into_view_if_needed()
    page.wait_for_selector('.atlas[data-state="there"]')
    page.wait_for_selector('.atlas[data-serves="no"]')
    assert "Greyed out here; choose a later layer" in page.inner_text(WORDS)
    opacity = page.evaluate(
        "Number(getComputedStyle(document.querySelector('.atlas .plot')).opacity)"
    )
    assert opacity < 0.5
    button = page.locator("[data-part='fit']")
    assert button.is_visible()
    assert button.inner_text() == "Fit the maps for this machine"
    box = page.locator(".atlas .machine").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
