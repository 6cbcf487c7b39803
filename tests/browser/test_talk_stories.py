"""A visitor follows up on what the cards have said, and begins anew."""

import pytest

pytestmark = pytest.mark.browser

FIRST, SECOND = "Tell me about a pen", "And about <b>paper</b>?"
TICK = "#follow input"


def done(page, slot: str, turns: int) -> None:
    """Wait until a card has ended an answer with so many turns above it."""
    page.wait_for_function(
        "([slot, turns]) => { const view = document.querySelector(`#card-${slot} .view`); return "
        "view?.dataset.state === 'done' && view.querySelectorAll('.earlier').length === turns; }",
        arg=[slot, turns],
        timeout=60_000,
    )


def a_turn_stays_open(page) -> None:
    """A turn that is opened stays open while the answer below it is written, and after."""
    page.wait_for_selector('#card-flip .view[data-state="writing"] .earlier')
    page.evaluate("document.querySelector('#card-flip .earlier summary').click()")
    done(page, "flip", 1)
    done(page, "baseline", 1)
    assert page.get_attribute("#card-flip .earlier", "open") is not None
    assert page.get_attribute("#card-baseline .earlier", "open") is None


def test_two_cards_go_on_each_with_its_own_and_a_reset_ends_it(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    page.wait_for_selector(f"{TICK}:disabled")
    page.uncheck("#live input")  # else the switches run what is recorded
    for slot in ("actadd", "ablation", "nullspace"):
        page.uncheck(f"#card-{slot} .switch input")
    visitor.ask(FIRST)
    visitor.wait_note("Done after")
    page.wait_for_selector(f"{TICK}:enabled")
    before = {slot: visitor.answer(slot).strip() for slot in ("baseline", "flip")}
    assert before["baseline"] != before["flip"]
    box = page.query_selector("#card-flip .answer").bounding_box()

    page.check(TICK)
    page.wait_for_function("document.querySelector('#run').innerText.trim() === 'Send'")
    page.wait_for_function("document.querySelector('#request textarea').value === ''")
    # A card that is switched on now waits; a slider that is moved sends nothing.
    page.check("#card-ablation .switch input")
    page.fill("#request textarea", SECOND)
    app.pace(0.1)
    page.press("#request textarea", "Enter")
    a_turn_stays_open(page)
    app.pace(0.0)
    assert page.get_attribute("#card-ablation .view", "data-state") == "joins"
    assert "next new request" in visitor.answer("ablation")
    for slot in ("baseline", "flip"):
        earlier = page.text_content(f"#card-{slot} .earlier .before")
        assert earlier.strip() == before[slot]
        assert page.text_content(f"#card-{slot} .asked") == SECOND
    # Nothing jumps: what was said scrolls within the card.
    assert page.query_selector("#card-flip .answer").bounding_box() == box
    page.wait_for_function("document.querySelector('#request textarea').value === ''")
    assert page.is_checked(TICK)

    page.click("#reset")
    page.wait_for_selector('#card-flip .view[data-state="idle"]')
    page.wait_for_selector(f"{TICK}:disabled")
    page.wait_for_function("document.querySelector('#run').innerText.trim() === 'Run'")
    assert page.query_selector(".earlier") is None
    visitor.ask(SECOND)
    done(page, "flip", 0)
    done(page, "ablation", 0)


def test_a_follow_up_that_is_too_long_leaves_the_turns_in_place(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(FIRST)
    visitor.wait_note("Done after")
    page.wait_for_selector(f"{TICK}:enabled")
    said = visitor.answer("flip")
    page.check(TICK)
    page.wait_for_function("document.querySelector('#run').innerText.trim() === 'Send'")
    page.fill("#request textarea", "word " * 3000)
    page.click("#run")
    page.wait_for_selector("#note .error")
    assert "too long" in visitor.note()
    assert visitor.answer("flip") == said
    page.fill("#request textarea", SECOND)
    page.click("#run")
    done(page, "flip", 1)
