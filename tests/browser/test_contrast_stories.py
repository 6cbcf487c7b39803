"""Own contrasts in a browser: two lists, directions, play, away and back."""

import pytest

from tests.helpers.two_lists import ASKED, ORDERED, SOME, THE_OTHERS

pytestmark = pytest.mark.browser


def fill(page, first, second, names=("asked", "ordered")):
    for name, texts, each in zip(("first", "second"), (first, second), names, strict=True):
        page.fill(f"#{name}-name :is(input, textarea)", each)
        page.fill(f"#{name}-texts textarea", "\n".join(texts))


def find(page):
    """Press the button and wait for what is found anew."""
    page.evaluate("document.querySelector('#contrast-found .found')?.remove()")
    page.click("#contrast-fit")
    page.wait_for_selector("#contrast-found .found")


def placed_on(page, names):
    """Wait until the page says whose directions the cards have."""
    page.wait_for_function(
        "names => document.querySelector('#contrast-playing').innerText.includes(names)",
        arg=names,
    )


def test_two_lists_are_told_apart_played_with_and_given_back(unloaded, visit):
    unloaded.load()
    visitor, other = visit(unloaded), visit(unloaded)
    page = visitor.page
    page.click("#tab-contrast")
    assert page.is_disabled("#contrast-play")
    fill(page, ASKED, ORDERED)
    find(page)
    assert page.get_attribute(".found", "data-separates") == "yes"
    assert page.locator(".found tbody tr").count() == 3
    assert page.locator(".found .starts").count() == 1
    page.click("#contrast-play")
    placed_on(page, "asked against ordered")
    page.click("#tab-playground")
    visitor.ask("How do I wash the dog?")
    visitor.wait_note("Done")
    for slot in ("actadd", "ablation", "nullspace", "flip"):
        assert visitor.answer(slot)
    # For everybody: the other visitor is told, and can undo it.
    other.page.click("#tab-contrast")
    placed_on(other.page, "asked against ordered")
    assert not other.page.is_disabled("#contrast-back")
    page.click("#tab-contrast")
    page.click("#contrast-back")
    page.wait_for_function("!document.querySelector('#contrast-playing .note')")
    page.click("#tab-playground")
    visitor.ask("How do I wash the dog?")
    visitor.wait_note("Done")


def test_lists_that_do_not_differ_are_called_nothing(app, visit):
    page = visit(app).page
    page.click("#tab-contrast")
    fill(page, SOME, THE_OTHERS, ("some", "others"))
    find(page)
    assert page.get_attribute(".found", "data-separates") == "no"
    assert "The contrast is nothing" in page.inner_text(".found .verdict")


def test_a_mistake_is_a_sentence_where_one_looks(app, visit):
    page = visit(app).page
    page.click("#tab-contrast")
    fill(page, ASKED[:3], ORDERED)
    page.click("#contrast-fit")
    page.wait_for_selector("#contrast-said [role=alert]")
    assert "at least 16 are needed" in page.inner_text("#contrast-said")
    assert not page.is_disabled("#contrast-fit")


def test_a_contrast_is_saved_and_opened_by_somebody_else(app, visit, tmp_path):
    page = visit(app).page
    page.click("#tab-contrast")
    fill(page, ASKED, ORDERED)
    find(page)
    page.wait_for_selector("#contrast-save:not([disabled])")
    with page.expect_download() as coming:
        page.click("#contrast-save")
    kept = tmp_path / coming.value.suggested_filename
    coming.value.save_as(kept)
    assert kept.suffix == ".zip"
    other = visit(app).page
    other.click("#tab-contrast")
    with other.expect_file_chooser() as asked:
        other.click("#contrast-load")
    asked.value.set_files(kept)
    other.wait_for_selector("#contrast-found .found")
    assert other.input_value("#first-texts textarea") == "\n".join(ASKED)
    assert other.input_value("#second-name :is(input, textarea)") == "ordered"


@pytest.mark.parametrize("size", [(390, 844), (1280, 720)])
def test_the_tab_fits_the_screen(app, visit, size):
    page = visit(app, viewport={"width": size[0], "height": size[1]}).page
    page.click("#tab-contrast")
    page.click("#contrast-example")
    page.wait_for_function("document.querySelector('#first-texts textarea').value.length > 99")
    find(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
