"""One address holds all that a visitor has set, and another visitor opens it."""

import pytest

pytestmark = pytest.mark.browser

REQUEST = "Wie male ich einen Zaun & ein Tor? 100 % #1"
CLIPBOARD = (
    "Object.defineProperty(navigator, 'clipboard', {value: {writeText: "
    "async text => { window.copied = text; }}, configurable: true})"
)
K = "#card-flip .dial-k input[type=range]"


def test_a_link_restores_request_cards_numbers_and_map(app, visit):
    app.pace(0.0)
    page = visit(app).page
    page.evaluate(CLIPBOARD)
    assert "&" not in page.url  # nothing of a request stands there before somebody asks for it
    page.fill("#request textarea", REQUEST)
    page.uncheck("#card-ablation .switch input")
    page.check("#card-own .switch input")
    page.focus(K)
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('#card-flip [data-copy="flip:k=1"]')
    page.click("#more [data-drawer]")
    page.fill("#seed input", "5")
    page.fill("#system textarea", "Be brief.")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.wait_for_selector('.atlas[data-state="there"]')
    page.click('[data-part="maps"] [data-value="pca"]')
    page.focus('.atlas [data-part="layer"]')
    page.keyboard.press("Home")
    page.click("[data-link]")
    page.wait_for_function("window.copied")
    link = page.evaluate("window.copied")
    assert link == page.url
    assert "panel=flip:k=1" in link
    layer = page.get_attribute('.atlas [data-part="layer"]', "data-layer")

    there = visit(app).page
    there.goto("about:blank")
    there.goto(link)
    there.wait_for_selector('#card-flip [data-copy="flip:k=1"]')
    there.wait_for_function(
        "words => document.querySelector('#request textarea').value === words", arg=REQUEST
    )
    assert not there.is_checked("#card-ablation .switch input")
    assert there.is_checked("#card-own .switch input")
    assert there.is_checked("#card-flip .switch input")
    assert there.input_value("#seed input") == "5"
    assert there.input_value("#system textarea") == "Be brief."
    there.wait_for_selector('[data-part="maps"] [data-value="pca"][aria-pressed="true"]')
    there.wait_for_selector(f'.atlas [data-part="layer"][data-layer="{layer}"]')
    assert there.evaluate("document.documentElement.dataset.tab") == "playground"
    # It is opened, not run: that is the visitor's to say.
    there.wait_for_timeout(1200)
    assert there.locator('.view[data-state="writing"], .view[data-state="done"]').count() == 0


def test_a_link_opens_on_its_tab_and_in_a_page_that_is_open_already(app, visit):
    page = visit(app).page
    page.evaluate("location.hash = 'dose&request=Hello&panel=actadd:c=2'")
    page.wait_for_selector('#card-actadd [data-copy="actadd:c=2"]', state="attached")
    assert page.evaluate("document.documentElement.dataset.tab") == "dose"
    page.evaluate("location.hash = 'playground&request=Hello&panel=flip:k=77'")
    page.wait_for_selector("#note:has-text('This link cannot be opened')")
    assert page.locator('#card-actadd [data-copy="actadd:c=2"]').count() == 1


def test_where_nothing_can_be_copied_the_link_stands_there_selected(app, visit):
    page = visit(app).page
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined}); "
        "document.execCommand = () => false"
    )
    page.click("[data-link]")
    page.wait_for_selector("#link .by-hand")
    assert page.input_value("#link .by-hand") == page.url
    assert "&panel=" in page.url


def share(visitor, path):
    """Run a request; returns a link with its answers, and saves them as a file."""
    page = visitor.page
    page.evaluate(CLIPBOARD)
    visitor.ask(REQUEST)
    visitor.wait_note("Done after")
    page.click("[data-link]")
    page.evaluate("window.copied = ''")
    page.click('[data-saves="link"]')
    page.wait_for_function("window.copied.includes('run=')")
    link = page.evaluate("window.copied")
    assert "run=" not in page.url  # a reload would show one's own answers as another's
    page.keyboard.press("Escape")
    page.click("#more [data-drawer]")
    with page.expect_download() as download:
        page.click('[data-saves="json"]')
    download.value.save_as(path)
    return link


def test_answers_are_shared_by_link_or_file_and_shown_as_such(app, visit, tmp_path):
    app.pace(0.0)
    visitor, path = visit(app), tmp_path / "run.json"
    link = share(visitor, path)
    said = visitor.answer("flip")
    other = visit(app)
    there = other.page
    there.goto("about:blank")
    there.goto(link)
    there.wait_for_selector('#card-flip .view[data-state="shared"]')
    other.wait_note("shared by whoever sent this link")
    assert other.answer("flip") == said
    there.click("#more [data-drawer]")
    (tmp_path / "bad.json").write_text('{"kind": "x"}')
    there.set_input_files("[data-run-file]", tmp_path / "bad.json")
    there.wait_for_selector(".of-file:has-text('is no saved run')")
    assert there.get_attribute("#card-flip .view", "data-state") == "shared"
    there.set_input_files("[data-run-file]", path)
    there.wait_for_selector('#card-flip .view[data-state="saved"]')
    assert other.answer("flip") == said
    # A move of a slider runs nothing that the visitor has not run.
    there.keyboard.press("Escape")
    there.focus(K)
    there.keyboard.press("ArrowLeft")
    there.wait_for_selector("#card-flip.stale")
    there.wait_for_timeout(1200)
    assert there.get_attribute("#card-flip .view", "data-state") == "saved"
