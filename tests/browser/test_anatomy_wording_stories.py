"""Other languages and wordings, in a browser: what is picked is shown, and a request is placed."""

import pytest

pytestmark = pytest.mark.browser


def test_an_edit_and_a_wording_are_picked_and_a_request_is_placed(app, visit):
    page = visit(app).page
    assert page.locator("#wordings .rates").count() == 0  # nothing is sent before the tab is seen
    page.click("#tab-anatomy")
    page.wait_for_selector("#wordings .rates:visible")
    assert page.locator("#wordings .rates:visible").count() == 1
    page.click("#wordings label:has(input[value=actadd])")
    assert page.locator("#wordings .rates:visible").get_attribute("data-arm") == "actadd"
    page.click("#wording-map label:has(input[value=hi])")
    shown = "e => getComputedStyle(e).display != 'none'"
    for key, is_shown in (("hi", True), ("en", False)):
        points = page.locator(f'#wording-map .points[data-wording="{key}"]')
        assert points.evaluate(shown) is is_shown
    page.click("#wording-place")
    page.wait_for_selector("#wording-map .mine")
    assert page.locator("#wording-map .mine").count() == 3
    assert "Placed in 3 wordings" in page.inner_text("#wording-said")
    assert "in Base64" in page.inner_text("#wording-map figcaption")
    # What was chosen beside the map stays.
    assert page.locator("#wordings .rates:visible").get_attribute("data-arm") == "actadd"


def test_a_link_to_a_section_opens_it(app, visit):
    page = visit(app).page
    page.goto("about:blank")
    page.goto(f"{app.url}#wordings")
    page.wait_for_selector("#wordings .rates:visible")
    top = "document.getElementById('wordings').getBoundingClientRect().top"
    page.wait_for_function(f"{top} >= 0 && {top} < innerHeight / 2")
