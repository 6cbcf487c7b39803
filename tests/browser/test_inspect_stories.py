"""A visitor looks into the words of an answer and lets it go on, in a real browser."""

import pytest

pytestmark = pytest.mark.browser

REQUEST = "How do I paint the garden fence?"
POPOVER = ".inspect:popover-open"
OPENED = f"{POPOVER} dl"
ANSWER = "#card-baseline .answer"


@pytest.fixture
def enter(app, visit):
    app.pace(0.0)

    def come(**options):
        visitor = visit(app, **options)
        visitor.ask(REQUEST)
        visitor.wait_note("Done")
        visitor.page.wait_for_selector('#card-flip .view[data-state="done"]', state="attached")
        return visitor

    return come


def spot(page, character, selector=ANSWER):
    """Tell where a character of an answer is on the screen."""
    return page.evaluate(
        """([selector, character]) => {
          const answer = document.querySelector(selector);
          answer.scrollIntoView({ block: 'center' });
          const range = document.createRange();
          const text = answer.querySelector('div.written').firstChild;
          range.setStart(text, character);
          range.setEnd(text, character + 1);
          const box = range.getBoundingClientRect();
          return [box.left + box.width / 2, box.top + box.height / 2];
        }""",
        [selector, character],
    )


def layout(page):
    """Tell where everything is, but for the popover."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.card, .answer, #atlas, #settings')].map((each) => {
          const box = each.getBoundingClientRect();
          return [box.left + scrollX, box.top + scrollY, box.width, box.height].map(Math.round);
        })"""
    )


def test_a_word_tells_what_else_was_likely_and_the_answer_goes_on_from_it(enter):
    page = (visitor := enter()).page
    before, text = visitor.answer("flip"), page.text_content(f"{ANSWER} div.written")
    spot(page, 3)
    still = layout(page)
    page.mouse.click(*spot(page, 3))
    page.wait_for_selector(OPENED)
    assert layout(page) == still
    said = page.inner_text(POPOVER)
    assert "Probability here" in said
    assert "nats" in said
    assert "Under baseline, before temperature and top-p." in said
    assert page.locator(f"{POPOVER} .tokens li").count() == 5
    # The keyboard goes from token to token, and to an answer that goes on.
    here = page.inner_text(f"{POPOVER} header span")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([box, said]) => document.querySelector(`${box} header span`).innerText !== said",
        arg=[POPOVER, here],
    )
    kept = int(page.inner_text(f"{POPOVER} header span").split()[0])
    with page.expect_request("**/drawn?*"):  # beside it stand answers of the run before
        page.click(f'{POPOVER} [aria-label^="Continue from here under Counterfactual flipping"]')
    visitor.wait_note(f"went on after {kept} tokens of Baseline")
    after = page.text_content("#card-flip .answer div.written")
    assert after != before
    assert after[:4] == text[:4]
    assert page.locator("#card-flip .chip:has-text('Continued')").count() == 1
    assert page.text_content(f"{ANSWER} div.written") == text  # the others are left alone
    assert not page.is_visible(POPOVER)
    # What has gone on can be looked into as well.
    page.mouse.click(*spot(page, 1, "#card-flip .answer"))
    page.wait_for_selector(OPENED)
    assert "Under flip" in page.inner_text(POPOVER)


def test_the_keyboard_opens_and_closes_it_and_comes_back(enter):
    page = enter().page
    page.focus(ANSWER)
    page.keyboard.press("Enter")
    page.wait_for_selector(OPENED)
    place, count = page.inner_text(f"{POPOVER} header span").split(" of ")
    assert int(place) <= 3  # what comes before may write nothing: a control token, half a sign
    assert int(count) > 3
    page.keyboard.press("Escape")
    page.wait_for_selector(POPOVER, state="hidden")
    assert page.evaluate("document.activeElement.matches('#card-baseline .answer')")


def test_it_fits_on_a_phone_in_the_dark(enter):
    options = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark"}
    page = enter(**options).page
    page.mouse.click(*spot(page, 20))
    page.wait_for_selector(OPENED)
    _, y = spot(page, 20)
    left, right, top, bottom, width = page.evaluate(
        """(selector) => {
          const box = document.querySelector(selector).getBoundingClientRect();
          return [box.left, box.right, box.top, box.bottom, document.body.scrollWidth];
        }""",
        POPOVER,
    )
    assert not top < y < bottom  # the word is seen
    assert left >= 0
    assert right <= 390
    assert top >= 0
    assert bottom <= 780
    assert width <= 390


def test_an_answer_from_right_to_left_is_found_by_its_place(enter):
    """The text is put there, so Python's tokens are of another one: that is said, and no more."""
    page = enter().page
    page.evaluate(
        """() => { document.querySelector('#card-baseline .answer div.written').firstChild.data =
          'كيف أصنع الخبز في البيت؟'; }"""
    )
    page.mouse.click(*spot(page, 2))
    page.wait_for_function(
        "selector => document.querySelector(selector)?.innerText.includes('another one by now')",
        arg=POPOVER,
    )
