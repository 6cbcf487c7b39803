"""A room: one presenter, and participants who follow, explore, lose the network and come back."""

from typing import Any

import pytest

from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser

DONE = '#card-flip .view[data-state="done"]'
REST = "document.querySelector('.atlas').map.rests()"
MARKS = "document.querySelector('.atlas').map.marks()"


def start(page: Any, name: str) -> tuple[str, str]:
    """Start a room; returns the participants' link and the presenter's."""
    page.click("#room-opener [data-drawer]")
    page.fill("[data-place=wanted]", name)
    page.click("[data-place=start]")
    page.wait_for_selector('.room[data-state="leads"]')
    link = page.inner_text("[data-place=link]")
    led = page.get_attribute("[data-place=copy-key-link]", "data-copy")
    page.keyboard.press("Escape")
    return link, led


def enter(visit: Any, app: Any, link: str) -> Any:
    """Let another participant in by the room's link."""
    page = visit(app).page
    page.goto(link)
    page.wait_for_selector("#card-flip .view", state="attached")
    page.wait_for_selector("#room-bar .room-bar", state="visible")
    return page


def requested(page: Any, words: str) -> None:
    page.wait_for_function(
        "words => document.querySelector('#request textarea')?.value === words", arg=words
    )


def same(page: Any, other: Any, selector: str) -> None:
    """Wait until a page shows what another one does."""
    page.wait_for_function(
        "([selector, words]) => document.querySelector(selector)?.innerText === words",
        arg=[selector, other.inner_text(selector)],
    )


def ask(page: Any, words: str) -> None:
    page.fill("#request textarea", words)
    page.click("#run")


def all_see_the_presenter(presenter: Any, pages: list[Any]) -> None:
    """Request, panels, answers with verdicts, and the map are on every screen."""
    ask(presenter, "How do I paint a fence?")
    presenter.wait_for_selector(DONE)
    presenter.wait_for_function(f"{REST} && 'flip' in {MARKS}")
    marks = presenter.evaluate(f"JSON.stringify({MARKS})")
    for page in pages:
        page.wait_for_selector(DONE)
        requested(page, "How do I paint a fence?")
        for slot in ("baseline", "flip"):
            for part in (".answer", ".chip.verdict"):
                same(page, presenter, f"#card-{slot} {part}")
        assert page.get_attribute("#card-flip [data-copy]", "data-copy") == "flip"
        assert not page.is_visible("#run")
        assert page.is_checked("[data-safe]")
        page.wait_for_function(f"marks => {REST} && JSON.stringify({MARKS}) === marks", arg=marks)
        # Whoever follows asks the model nothing, by whatever key.
        page.focus("#request textarea")
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Enter")


def one_explores_and_comes_back(page: Any, presenter: Any) -> None:
    """Who explores is told who sees it, keeps what is theirs, and finds what is shown by then."""
    page.click("[data-place=explore]")
    assert "The presenter sees what you run" in page.inner_text("#room-bar")
    page.wait_for_selector('#card-flip .view[data-state="idle"]')
    requested(page, "How do I paint a fence?")
    ask(page, "<b>mine</b>")
    page.wait_for_selector(DONE)
    page.wait_for_selector("#note:has-text('Done')")
    own = page.inner_text("#card-flip .answer")
    ask(presenter, "How do I mend a fence?")
    page.wait_for_selector("[data-place=back] .news", state="visible")
    assert page.input_value("#request textarea") == "<b>mine</b>"
    assert page.inner_text("#card-flip .answer") == own
    page.click("[data-place=back]")
    requested(page, "How do I mend a fence?")
    presenter.wait_for_selector("#note:has-text('Done')")
    same(page, presenter, "#card-flip .answer")
    page.click("[data-place=explore]")
    assert page.inner_text("#card-flip .answer") == own
    page.click("[data-place=back]")


def one_loses_the_network(page: Any, presenter: Any, other: Any) -> None:
    """It is said, and what is shown by then is there as soon as the network is back."""
    page.context.set_offline(True)
    page.wait_for_selector(":root[data-room-lost]", state="attached")
    assert "No connection" in page.inner_text("#room-bar")
    ask(presenter, "How do I sell a fence?")
    requested(other, "How do I sell a fence?")
    assert page.input_value("#request textarea") != "How do I sell a fence?"
    page.context.set_offline(False)
    requested(page, "How do I sell a fence?")
    page.wait_for_selector(":root:not([data-room-lost])", state="attached")


def the_table_is_the_presenters(presenter: Any, page: Any) -> None:
    """What was tried is there as text, nothing of those who followed; pinned rows are shown."""
    presenter.click("#room-opener [data-drawer]")
    presenter.wait_for_selector(".tried > li")
    assert presenter.locator(".tried > li").count() == 1
    assert presenter.inner_text(".tried .written") == "<b>mine</b>"
    assert presenter.locator(".tried .chip.verdict").count() >= 2
    presenter.click("[data-mark=pin]")
    page.wait_for_selector('[data-place=pins]:has-text("Pinned: 1")')
    page.click("[data-place=pins]")
    assert page.inner_text("[data-place=pinned] .written") == "<b>mine</b>"
    page.keyboard.press("Escape")
    with presenter.expect_download() as file:
        presenter.click("[data-place=csv]")
    assert "<b>mine</b>" in file.value.path().read_text("utf-8")
    presenter.click("[data-mark=hide]")
    page.wait_for_selector("[data-place=pins]", state="hidden")
    assert "mine" not in page.inner_html("[data-place=pinned]")


def test_a_room_follows_explores_loses_the_network_and_ends(app, visit):
    app.pace(0.0)
    presenter = visit(app).page
    link, led = start(presenter, "Summer school")
    assert link.endswith("?room=summer-school")
    key = led.rpartition("key=")[2]
    pages = [enter(visit, app, link) for _ in range(4)]
    presenter.wait_for_selector('#room-opener :text("Room: 4")')
    all_see_the_presenter(presenter, pages)
    one_explores_and_comes_back(pages[0], presenter)
    one_loses_the_network(pages[1], presenter, pages[2])
    the_table_is_the_presenters(presenter, pages[3])

    # A reload, and the link with the key in another browser, lead the room as before.
    presenter.reload()
    again = visit(app).page
    again.goto(led)
    for page in (presenter, again):
        page.wait_for_selector('.room[data-state="leads"] .tried > li', state="attached")
        page.wait_for_selector('.strip[data-phase="ready"]')
        assert key not in page.url  # it is in no history, and on no wall
    ask(again, "From another browser")
    requested(pages[3], "From another browser")

    # The end is asked for twice, and is told in plain words.
    again.click("#room-opener [data-drawer]")
    again.click("[data-place=end]")
    assert "Really" in again.inner_text("[data-place=end]")
    again.click("[data-place=end]")
    for page in pages:
        page.wait_for_selector(':root[data-room="gone"]', state="attached")
        assert "This room has ended" in page.inner_text("#room-bar")
        assert page.is_visible("#run")
        assert key not in page.content()
    presenter.wait_for_selector('.room[data-state="closed"]', state="attached")
    assert "room=" not in again.url
    assert key not in (app.folder / "log").read_text()


def test_a_wrong_key_leads_nothing_and_says_so(app, visit):
    presenter = visit(app).page
    _, led = start(presenter, "quiet")
    other = visit(app).page
    other.goto(led[:-3] + "xyz")
    other.wait_for_selector('.room[data-state="closed"]', state="attached")
    other.click("#room-opener [data-drawer]")
    other.wait_for_selector("[data-place=problem]:has-text('not the presenter')")
    assert presenter.locator('.room[data-state="leads"]').count() == 1


def test_in_a_room_nothing_moves_that_is_on_the_stage(app, visit):
    presenter = visit(app).page
    link, _ = start(presenter, "small")
    page = visit(app, viewport={"width": 1280, "height": 720}).page
    page.goto(link)
    page.wait_for_selector("#room-bar .room-bar", state="visible")
    page.wait_for_selector("#card-flip .view", state="attached")
    size = "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    page.wait_for_function(f"{size}.join() === '720,1280'", timeout=PATIENCE)
