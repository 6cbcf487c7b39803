"""The tour on recordings alone: no model is loaded, and every step can be solved."""

import pytest

from tests.browser.conftest import PATIENCE
from tests.helpers.stage import show_map

pytestmark = pytest.mark.browser

STEPS = ["refusal", "ablate", "rank", "nullspace", "between", "opposite", "soup", "overrefusal"]


def come(visit, app, **options):
    visitor = visit(app, ready=False, **options)
    visitor.page.wait_for_selector('#card-flip .view[data-state="recorded"]', state="attached")
    show_map(visitor.page)
    visitor.page.wait_for_selector(".atlas .places li[data-t]", state="attached")
    return visitor.page


def open_tour(page):
    page.click("#tours [data-tours]")
    page.wait_for_selector('.tour[data-step="refusal"]')


def reach(page, step, state):
    page.wait_for_selector(f'.tour[data-step="{step}"][data-state="{state}"]', timeout=PATIENCE)


def show(page):
    page.click('.tour [data-part="show"]')


def test_the_tour_is_solved_to_its_end_on_recordings(recorded, visit):
    page = come(visit, recorded)
    assert page.get_attribute(".strip", "data-phase") == "recorded"
    assert "no model runs" in page.inner_text(".strip")
    stage = page.locator("#cards").bounding_box()
    open_tour(page)
    assert page.evaluate("document.activeElement.dataset.part") == "title"
    # The cards stay where they are, above the panel.
    now, bar = page.locator("#cards").bounding_box(), page.locator(".tour").bounding_box()
    assert (now["x"], now["y"], now["width"]) == (stage["x"], stage["y"], stage["width"])
    assert now["y"] + now["height"] <= bar["y"] + 1
    # A refusal is on the cards already; the harmless request is not.
    assert page.get_attribute(".tour", "data-state") == "open"
    for step in STEPS:
        page.wait_for_selector(f'.tour[data-step="{step}"]')
        if page.get_attribute(".tour", "data-state") == "open":
            show(page)
        reach(page, step, "solved")
        if step != STEPS[-1]:
            page.click('.tour [data-part="next"]')
    assert "last step of this chapter" in page.inner_text('.tour [data-part="said"]')
    page.click('.tour [data-part="steps"]')
    ticks = page.locator('.tour [data-part="list"] [data-state="solved"]')
    assert ticks.count() == len(STEPS)
    page.keyboard.press("Escape")
    assert not page.is_visible('.tour [data-part="list"]')
    # What was done is kept with the visit, and not the request.
    kept = page.evaluate("sessionStorage.getItem('tour')")
    assert "lock" not in kept
    assert "soup?" not in kept
    page.reload()
    page.wait_for_selector('.tour[data-step="overrefusal"][data-state="solved"]')
    page.click('.tour [data-part="steps"]')
    page.click('.tour [data-part="reset"]')
    page.wait_for_selector('.tour[data-step="refusal"]')
    page.keyboard.press("Escape")
    assert not page.is_visible(".tour")
    assert page.evaluate("document.activeElement.hasAttribute('data-tours')")


def test_the_second_chapter_is_solved_in_the_views_it_is_about(recorded, visit):
    page = come(visit, recorded)
    open_tour(page)
    page.click('.tour [data-part="steps"]')
    page.click('.tour [data-part="list"] [data-goes="8"]')
    reach(page, "harm", "open")
    assert page.inner_text('.tour [data-part="count"]') == "1 / 5"
    page.click("#tab-anatomy")
    page.wait_for_selector('.tour [data-part="parts"] [data-state="done"]')
    page.locator(".harm-map .dot.harmful.refused").click()
    page.wait_for_selector('.tour [data-part="tried"]:has-text("harmful: refuses")')
    assert page.get_attribute(".tour", "data-state") == "open"
    page.locator(".harm-map .dot.harmful:not(.refused)").click()
    reach(page, "harm", "solved")
    page.click('.tour [data-part="next"]')
    reach(page, "decided", "open")
    cells = page.locator('#patching .grid[data-part="whole"][data-towards="refusal"] td')
    cells.nth(2).focus()  # the first layer brings back nothing; the fourth column is all tokens
    page.keyboard.press("Enter")
    assert "L1 (−1) = 0" in page.inner_text('.tour [data-part="tried"]')
    assert page.get_attribute(".tour", "data-state") == "open"
    cells.nth(4 + 2).focus()
    page.keyboard.press("Enter")
    reach(page, "decided", "solved")
    for step in ("wordings", "erasers", "cost"):
        page.click('.tour [data-part="next"]')
        reach(page, step, "open")
        page.click('.tour [data-part="show"]')
        reach(page, step, "solved")
    assert page.evaluate("document.querySelector('.doses').dataset.picked") == "cheap flip"
    # What was done of the first chapter is another matter.
    assert "you have seen all" not in page.inner_text('.tour [data-part="said"]')
    page.reload()
    page.wait_for_selector('.tour[data-step="cost"][data-state="solved"]')


def test_a_step_is_not_solved_by_another_setting(recorded, visit):
    page = come(visit, recorded)
    open_tour(page)
    page.click('.tour [data-part="steps"]')
    page.click('.tour [data-part="list"] [data-goes="2"]')
    page.wait_for_selector('.tour[data-step="rank"]')
    # Flipping at its start has answered; whether fewer directions would do, nobody has tried.
    assert page.get_attribute(".tour", "data-state") == "open"
    slider = "#card-nullspace .dial-k input[type=range]"
    page.focus(slider)
    page.keyboard.press("ArrowLeft")  # of another card
    page.wait_for_selector('#card-nullspace .view[data-panel="nullspace:k=1"]')
    page.wait_for_timeout(200)
    assert page.get_attribute(".tour", "data-state") == "open"
    page.focus("#card-flip .dial-k input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('#card-flip .view[data-panel="flip:k=1"]')
    reach(page, "rank", "solved")
    assert "k=1: refuses" in page.inner_text('.tour [data-part="tried"]')
    # A setting that is not recorded says which ones are.
    page.focus("#card-flip .dial-alpha input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('#card-flip .view[data-state="missing"]')
    assert "Recorded of this edit" in page.inner_text("#card-flip .answer")
    page.click('.tour [data-part="steps"]')
    page.click('.tour [data-part="list"] [data-goes="6"]')
    # What is missing since before is not told of this step, but what goes missing now is.
    reach(page, "soup", "open")
    page.focus("#card-flip .dial-alpha input[type=range]")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('#card-flip .view[data-panel="flip:k=1"]')
    page.keyboard.press("ArrowLeft")
    reach(page, "soup", "unrecorded")
    assert "Not recorded" in page.inner_text('.tour [data-part="said"]')


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_the_tour_speaks_the_visitors_language_until_another_is_chosen(recorded, visit, size):
    viewport = {"width": size[0], "height": size[1]}
    page = come(visit, recorded, locale="de-AT", viewport=viewport)
    open_tour(page)
    assert page.get_attribute(".tour", "lang") == "de"
    assert page.inner_text('.tour [data-part="title"]') == "Eine Ablehnung sehen"
    page.select_option('.tour [data-part="language"]', "es")
    assert page.get_attribute(".tour", "lang") == "es"
    assert page.inner_text('.tour [data-part="title"]') == "Ver un rechazo"
    box = page.locator(".tour").bounding_box()
    assert box["y"] + box["height"] <= size[1] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    count = page.locator('.tour [data-part="count"]').bounding_box()
    next_step = page.locator('.tour [data-part="next"]').bounding_box()
    assert count["x"] + count["width"] <= next_step["x"]
    page.reload()
    page.wait_for_selector('.tour[lang="es"]')
    page.click('.tour [data-part="close"]')
    assert not page.is_visible(".tour")
