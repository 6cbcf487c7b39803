"""The map of harm and refusal, in a browser: a request is read by pointer, finger and keys."""

import pytest

from tests.browser.test_stage_stories import faults

pytestmark = pytest.mark.browser


@pytest.fixture
def page(recorded, visit):
    page = visit(recorded, ready=False).page
    page.click("#tab-anatomy")
    page.wait_for_selector(".harm-map .dot:visible")
    return page


def told(page):
    return page.inner_text(".harm .told")


def test_the_request_of_a_mark_is_told_by_pointer_and_by_keys(page):
    empty, height = told(page), page.locator(".harm .told").bounding_box()["height"]
    page.locator(".harm-map .dot").first.dispatch_event("pointerover")
    words = page.locator(".harm-map .dot title").first.text_content()
    assert told(page) == words
    page.focus(".harm-map")
    page.keyboard.press("Home")
    seen = [told(page)]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.append(told(page))
    assert len(set(seen)) == 4
    assert page.locator(".harm-map .looked").count() == 1
    assert page.locator(".harm .told").bounding_box()["height"] == height  # nothing jumps
    page.evaluate("addEventListener('click', e => window.pressed = e.target.matches('.looked'))")
    page.keyboard.press("Enter")
    assert page.evaluate("window.pressed") is True  # for the tour, as a press of the pointer is
    page.keyboard.press("Escape")
    assert told(page) == empty
    assert page.locator(".harm-map .looked").count() == 0


def test_a_tap_tells_it_as_well_and_other_keys_do_what_they_always_do(page):
    page.locator(".harm-map .dot").last.dispatch_event("click")
    assert told(page) == page.locator(".harm-map .dot title").last.text_content()
    page.focus(".harm-map")
    page.keyboard.press("x")
    assert page.locator(".harm-map .looked").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.matches('.harm-map')")


@pytest.mark.parametrize(
    ("size", "scheme"), [((1280, 720), "dark"), ((390, 844), "light")], ids=["hall", "phone"]
)
def test_axe_finds_no_serious_fault_in_what_was_measured(recorded, visit, size, scheme):
    size = {"width": size[0], "height": size[1]}
    page = visit(recorded, ready=False, viewport=size, color_scheme=scheme).page
    page.click("#tab-anatomy")
    page.wait_for_selector(".harm-map .dot:visible")
    page.locator(".harm-map .dot").first.dispatch_event("click")
    page.wait_for_timeout(800)
    assert faults(page) == []
