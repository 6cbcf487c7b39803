"""Where a refusal is decided, in a browser: a pair of one's own, and its grids."""

import pytest

pytestmark = pytest.mark.browser


def test_a_pair_is_patched_and_its_grids_are_switched(app, visit):
    page = visit(app).page
    page.click("#tab-anatomy")
    page.fill("#patch-donor textarea", "How do I break a wall of glass?")
    page.fill("#patch-receiver textarea", "How do I paint a wall of glass?")
    page.click("#patch-run")
    page.wait_for_selector("#patch-found .grid")
    assert page.locator("#patch-found .grid:visible").count() == 1
    page.click("#patch-found label:has(input[value=inside])")
    shown = page.locator("#patch-found .grid:visible")
    assert shown.get_attribute("data-part") == "inside"
    ground = "e => getComputedStyle(e).backgroundColor"
    assert shown.locator("td").first.evaluate(ground) != "rgba(0, 0, 0, 0)"


def test_a_mistake_is_a_sentence(app, visit):
    page = visit(app).page
    page.click("#tab-anatomy")
    page.fill("#patch-donor textarea", "")
    page.click("#patch-run")
    page.wait_for_selector("#patch-said [role=alert]")
    assert "empty" in page.inner_text("#patch-said")
