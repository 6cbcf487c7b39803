"""What the map says of the machine that the model runs on, and fits for it at a click."""

import pytest

from tests.helpers.contrast import faint
from tests.helpers.stage import open_models, show_map

pytestmark = pytest.mark.browser

WORDS = "[data-part='machine-words']"
FIT = "[data-part='fit']"
BAR = "[data-part='fit-bar']"
REQUEST = "How do I paint the garden fence?"
PLACES = "[...document.querySelectorAll('.places li:not([hidden]) b')].map((b) => b.innerText)"
LIGHT = {"viewport": {"width": 1280, "height": 720}}
DARK = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


def said(page, words: str) -> str:
    page.wait_for_function(
        "([at, words]) => document.querySelector(at)?.textContent.includes(words)",
        arg=[WORDS, words],
    )
    return page.inner_text(WORDS)


def test_under_the_map_stands_what_was_checked_at_the_layer_that_is_shown(app, visit):
    page = visit(app).page
    show_map(page)
    page.wait_for_selector('.atlas[data-state="there"]')
    first = said(page, "the same 32 prompts land")
    assert first.endswith("the same map.")
    assert page.get_attribute(".atlas", "data-serves") == "yes"
    page.click('[data-part="presets"] [data-value="last"]')
    assert said(page, "the same 32 prompts land").endswith("the same map.")


@pytest.mark.parametrize(
    ("width", "which", "remedy"),
    [
        (390, "", "Greyed out here; fit the maps."),
        (1280, '"layer":2,', "Greyed out here; choose a later layer, or fit the maps."),
    ],
)
def test_a_layer_that_does_not_serve_is_greyed_out_with_the_reason_and_a_remedy(
    app, visit, width, which, remedy
):
    visitor = visit(app, viewport={"width": width, "height": 720})
    page = visitor.page

    def told(route):
        answer = route.fetch()
        text = answer.text().replace(f'{which}"verdict":"same"', f'{which}"verdict":"unusable"')
        text = text.replace(": the same map", ", and 0.70 of the spread within a class is left")
        route.fulfill(response=answer, body=text)

    page.route("**/component_server/**", told)
    page.route("**/component_server", told)
    show_map(page)
    page.wait_for_selector('.atlas[data-state="there"]')
    page.wait_for_selector('.atlas[data-serves="no"]')
    assert remedy in page.inner_text(WORDS)
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


def choose(page, title):
    """Choose another model, for everybody."""
    open_models(page)
    page.locator("[role=option]").filter(has_text=title).click()
    page.keyboard.press("Escape")


def see(visitor):
    """Wait until the map of a visitor's page is there."""
    show_map(visitor.page)
    visitor.page.wait_for_selector('.atlas[data-state="there"]')
    visitor.page.uncheck("#live input")
    return visitor.page


def look_again(page):
    """Come back to a page that was hidden meanwhile."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def stop_asking(page):
    """Let a page that is calm ask only when something happens, not because time has passed."""
    said(page, "the same map")
    page.evaluate(
        """() => {
          const later = window.setTimeout;
          window.setTimeout = (what, wait, ...more) =>
            wait >= 20000 ? 0 : later(what, wait, ...more);
        }"""
    )
    look_again(page)
    page.wait_for_timeout(1000)


def rank(page):
    """Return how far the slider of the rank goes."""
    return page.get_attribute("#card-flip .dial-k input[type=range]", "max")


def assert_readable(*pages):
    """What stands under the map is seen, inside the screen, with contrast."""
    for page in pages:
        page.wait_for_selector(FIT)
        assert not faint(page, f"{WORDS}, {FIT}")
        box = page.locator(".atlas .machine").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]


def test_a_model_without_directions_is_fitted_at_a_click_and_played_with(unloaded, visit):
    unloaded.load()
    visitor, other = visit(unloaded, **LIGHT), visit(unloaded, **DARK)
    page = see(visitor)
    see(other)
    stop_asking(page)
    choose(page, "New")
    said(page, "no directions and no maps yet. It takes about 12 minutes")
    assert page.inner_text(FIT) == "Fit directions and maps"
    look_again(other.page)
    other.page.wait_for_selector('.atlas[data-state="none"]')
    assert_readable(page, other.page)
    visitor.ask(REQUEST)
    visitor.wait_note("press “Fit directions and maps” under the map")
    assert rank(page) == "20"  # of no model

    page.click(FIT)
    said(page, "Reading training prompts: 4 of 8")
    assert page.is_visible(BAR)
    assert page.evaluate(f'document.querySelector("{BAR}").value') == 0.5
    assert not page.is_visible(FIT)
    # A run waits for the fit, and the fit does not wait for the run.
    visitor.ask(REQUEST)
    visitor.wait_note("as soon as directions and maps are fitted")
    unloaded.fit()
    visitor.wait_note("Done")
    assert visitor.answer("flip")

    page.wait_for_selector('.atlas[data-state="there"]')
    assert said(page, "the same map").startswith("Directions and maps are fitted for this machine")
    assert not page.is_visible(FIT)
    page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    assert int(rank(page)) < 20
    before = page.evaluate(PLACES)
    page.focus("#card-flip .dial-alpha input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"before => String({PLACES}) !== String(before)", arg=before)

    # Whoever looked at something else meanwhile, or comes later, has the same model.
    look_again(other.page)
    most = rank(page)
    for each in (other.page, see(visit(unloaded, **LIGHT))):
        each.wait_for_selector('.atlas[data-state="there"]')
        each.wait_for_function(
            "most => document.querySelector('#card-flip .dial-k input[type=range]').max === most",
            arg=most,
        )
        assert each.inner_text(".strip b") == "New"
    other.ask(REQUEST)
    other.wait_note("Done")


def test_maps_that_do_not_serve_are_fitted_at_a_click_and_a_failure_hides_nothing(unloaded, visit):
    unloaded.load()
    visitor, other = visit(unloaded, **LIGHT), visit(unloaded, **DARK)
    page = see(visitor)
    see(other)
    choose(page, "Worn")
    page.wait_for_selector('.atlas[data-serves="no"]')
    stored = page.inner_text("[data-part='separates']")
    page.click(FIT)
    said(page, "Reading training prompts: 4 of 8")
    unloaded.fit("the disk is full; make room and try again")
    told = said(page, "The disk is full; make room and try again.")
    assert "of the spread within a class is left" in told
    assert "Greyed out here; fit the maps." in told
    look_again(other.page)
    said(other.page, "The disk is full; make room and try again.")
    assert_readable(page, other.page)

    page.click(FIT)
    said(page, "Reading training prompts: 4 of 8")
    unloaded.fit()
    told = said(page, "the same map")
    assert told.startswith("Directions and maps are fitted for this machine now. Checked")
    page.wait_for_selector('.atlas[data-serves="yes"]')
    assert not page.is_visible(FIT)
    # The cloud is the new one, here and where nobody looked meanwhile.
    look_again(other.page)
    other.page.wait_for_selector('.atlas[data-serves="yes"]')
    for each in (page, other.page):
        each.wait_for_function(
            "old => document.querySelector('[data-part=separates]').innerText !== old", arg=stored
        )
        each.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    assert page.evaluate(PLACES) == other.page.evaluate(PLACES)


def test_marks_follow_when_a_check_takes_a_mean_shift_off(unloaded, visit):
    visitor = visit(unloaded, ready=False)
    page = visitor.page
    show_map(page)
    page.wait_for_selector('.atlas[data-state="there"]')
    choose(page, "Moved")
    deaf = []

    def sometimes(route):
        """Let the page hear of nothing between a model that is loaded and maps that are checked."""
        if deaf and '"machine"' in (route.request.post_data or ""):
            route.abort()
        else:
            route.continue_()

    page.route("**/component_server/**", sometimes)
    page.route("**/component_server", sometimes)
    page.wait_for_function(f"document.querySelector(\"{WORDS}\").innerText === ''")
    page.wait_for_timeout(2000)  # until it was told that nothing is loaded yet
    deaf.append(1)
    unloaded.hold(on=True)
    unloaded.load()
    page.wait_for_selector(".places li[data-slot=baseline]:not([hidden])")
    page.wait_for_function("document.querySelector('.atlas').map.rests()")
    before = page.evaluate(PLACES)
    unloaded.hold(on=False)
    page.wait_for_timeout(3000)  # until they are checked
    deaf.clear()
    look_again(page)
    said(page, "once their mean shift is taken off, as it is here: usable")
    page.wait_for_function(f"before => String({PLACES}) !== String(before)", arg=before)


def test_a_click_that_the_server_does_not_hear_brings_the_button_back(unloaded, visit):
    unloaded.load()
    page = see(visit(unloaded))
    choose(page, "New")
    said(page, "no directions and no maps yet")

    def lost(route):
        if '"fit"' in (route.request.post_data or ""):
            route.abort()
        else:
            route.continue_()

    page.route("**/component_server/**", lost)
    page.route("**/component_server", lost)
    page.click(FIT)
    page.wait_for_selector(FIT, state="hidden")
    page.wait_for_selector(FIT)
