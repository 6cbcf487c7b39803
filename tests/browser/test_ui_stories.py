"""What a visitor sees and can do, in a real browser, with a tiny random model."""

import pytest

from tests.helpers.contrast import cut, faint

pytestmark = pytest.mark.browser

REQUEST = "How do I paint the garden fence?"
EDITS = ("actadd", "ablation", "nullspace", "flip")
TEXTS = """
  #title h1, #title p, .strip b, .strip .about, .note, .example, #run, #reset, .card h3,
  .card .line, .chip.refused, .chip.recorded, .gauge span, .gauge b, .answer, .placeholder,
  .numbers dt, .numbers dd, .dial span, .form code, .opener, #request textarea
"""
LESSON = ".lesson p, .lesson dd, .lesson .t-u, .lesson .t-c, .lesson .t-alpha, .drawer-head h2"


def press(page, locator, key, times=1):
    page.focus(locator)
    for _ in range(times):
        page.keyboard.press(key)


def test_before_the_model_is_there_recordings_and_progress_are(unloaded, visit):
    visitor = visit(unloaded, ready=False)
    page = visitor.page
    page.wait_for_selector('#card-baseline .view[data-state="recorded"]')
    assert visitor.answer("baseline") == "I'm sorry."
    assert "Recorded" in page.inner_text("#card-baseline .chips")
    assert "No recording" in visitor.answer("flip")
    assert "30 of 120 MB" in page.inner_text(".strip")
    # A run waits for the model and says so; a failure is a sentence, and trying again works.
    page.click("#run")
    visitor.wait_note("as soon as the model is loaded")
    unloaded.load("no network; connect to one and try again")
    visitor.wait_note("network; connect to one")
    page.click("#retry")
    page.wait_for_selector('.strip[data-phase="loading"]')
    unloaded.load()
    page.wait_for_selector('.strip[data-phase="ready"]')
    visitor.ask(REQUEST)
    visitor.wait_note("Done")


def test_a_run_streams_text_into_every_card_that_is_on(app, visit):
    # Slow until the text has been seen half written, however busy the machine is.
    app.pace(0.5)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(REQUEST)
    page.wait_for_selector('#card-flip .view[data-state="writing"] .caret')
    page.wait_for_function("document.querySelector('#card-flip .answer').innerText.length > 3")
    early = visitor.answer("flip")
    app.pace(0.0)
    visitor.wait_note("Done")
    late = visitor.answer("flip")
    assert late.startswith(early.rstrip())
    assert len(late) > len(early)
    for slot in ("baseline", *EDITS):
        assert page.locator(f"#card-{slot} .chip.verdict").count() == 1
        assert page.text_content(f"#card-{slot} .numbers dd >> nth=1") != "–"
    assert page.text_content("#card-baseline .numbers dd >> nth=0") == "0.00"
    assert "Switched off" in visitor.answer("own")
    page.click("#card-baseline [data-drawer=numbers]")
    page.wait_for_selector("#card-baseline .tokens li >> nth=4")


def test_nothing_jumps_while_answers_are_written(app, visit):
    app.pace(0.02)
    visitor = visit(app)
    boxes = (
        "() => [...document.querySelectorAll('.card')].map(c => c.getBoundingClientRect().bottom)"
    )
    before = visitor.page.evaluate(boxes)
    visitor.ask(REQUEST)
    visitor.page.wait_for_selector('.view[data-state="writing"]')
    assert visitor.page.evaluate(boxes) == pytest.approx(before, abs=2)
    visitor.wait_note("Done")
    assert visitor.page.evaluate(boxes) == pytest.approx(before, abs=2)


def test_stop_keeps_what_was_written_and_frees_the_machine(app, visit):
    app.pace(1.0)  # longer than a busy machine takes for a list
    visitor = visit(app)
    visitor.ask(REQUEST)
    visitor.page.wait_for_selector('#card-flip .view[data-state="writing"]')
    # Esc closes a list that is open, and stops nothing.
    visitor.page.evaluate(
        "window.stops = 0; document.querySelector('#stop').addEventListener('click', "
        "() => { window.stops += 1; })"
    )
    visitor.page.click("#card-own .kind input")
    visitor.page.wait_for_selector("ul[role=listbox]")
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_selector("ul[role=listbox]", state="detached")
    assert visitor.page.evaluate("window.stops") == 0
    visitor.page.keyboard.press("Escape")
    assert visitor.page.evaluate("window.stops") == 1
    visitor.wait_note("Stopped after")
    assert visitor.page.is_disabled("#stop")
    assert visitor.page.locator("#card-baseline .chip.verdict").count() == 1
    app.pace(0.0)
    visitor.ask(REQUEST)
    visitor.wait_note("Done")


def test_mistakes_are_sentences(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    visitor.ask("   ")
    visitor.wait_note("The request is empty; write a sentence")
    assert visitor.page.get_attribute("#note p", "role") == "alert"
    visitor.ask("a" * 100_000)
    visitor.wait_note("The request is too long: 100,000 characters")
    visitor.ask(REQUEST)
    visitor.wait_note("Done")


def test_nothing_that_a_model_or_a_visitor_writes_becomes_html(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    page.wait_for_selector('#card-ablation .view[data-state="recorded"]')
    page.click("#card-ablation [data-drawer=numbers]")
    assert visitor.answer("ablation").startswith("<img src=x onerror=")
    assert visitor.answer("ablation").endswith("</b> ${1+1} {{value}}")
    visitor.ask("<img src=x onerror=\"document.title='broken into'\">")
    visitor.wait_note("Done")
    assert page.locator("#cards img, #ask img").count() == 0
    assert page.title() == "Refusal Steering Playground"


def test_the_keyboard_moves_a_slider_and_a_live_run_follows(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    press(page, "#card-flip .dial-k input[type=range]", "ArrowLeft")
    page.wait_for_selector('#card-flip [data-copy="flip:k=1"]')
    page.wait_for_selector('#card-flip .view[data-state="done"][data-panel="flip:k=1"]')


def test_without_live_a_moved_slider_marks_the_answer_as_older(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    page.uncheck("#live input")
    press(page, "#card-actadd .dial-c input[type=range]", "ArrowRight", times=3)
    page.wait_for_selector("#card-actadd.stale")
    page.wait_for_timeout(1500)
    assert page.locator('#card-actadd .view[data-panel="actadd:c=-1"]').count() == 1
    page.click("#run")
    page.wait_for_selector("#card-actadd:not(.stale)")


def test_a_new_run_takes_the_place_of_the_one_under_way(app, visit):
    app.pace(0.15)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(REQUEST)
    page.wait_for_selector('#card-flip .view[data-state="writing"][data-panel="flip"]')
    press(page, "#card-flip .dial-k input[type=range]", "ArrowLeft")
    page.wait_for_selector('#card-flip .view[data-state="writing"][data-panel="flip:k=1"]')
    app.pace(0.0)
    visitor.wait_note("Done")
    page.wait_for_timeout(500)
    assert page.locator('#card-flip .view[data-panel="flip:k=1"]').count() == 1


def test_visitors_share_steps_and_each_gets_their_own_answers(app, visit):
    app.pace(0.0)
    ann, bob = visit(app), visit(app)
    other = "How do I paint a chair?"
    texts = "() => [...document.querySelectorAll('.card .answer')].map((view) => view.innerText)"
    alone = {}
    for visitor, request in ((ann, REQUEST), (bob, other)):
        visitor.ask(request)
        visitor.wait_note("Done")
        alone[request] = visitor.page.evaluate(texts)
    app.pace(0.4)
    ann.ask(REQUEST)
    ann.wait_note("Writing")
    bob.ask(other)
    bob.wait_note("Writing")
    # Nobody waits for the other's end.
    assert "Writing" in ann.page.inner_text("#note")
    app.pace(0.0)
    for visitor, request in ((ann, REQUEST), (bob, other)):
        visitor.wait_note("Done")
        assert visitor.page.evaluate(texts) == alone[request]


def test_two_visitors_stand_in_line_and_a_full_line_says_so(app, visit):
    app.crowd(on=True)
    app.pace(0.4)
    ann, bob, cy = visit(app), visit(app), visit(app)
    ann.ask(REQUEST)
    ann.wait_note("Writing")
    bob.ask(REQUEST)
    bob.wait_note("You are number 2 in line: one request is answered before yours.")
    cy.ask(REQUEST)
    cy.wait_note("2 requests are waiting already")
    bob.page.click("#stop")
    bob.wait_note("Stopped before it began")
    cy.page.click("#run")
    cy.wait_note("You are number 2 in line")
    app.pace(0.0)
    ann.wait_note("Done")
    cy.wait_note("Done")
    app.crowd(on=False)


def test_a_visitor_who_leaves_frees_the_machine(app, visit):
    app.crowd(on=True)
    app.pace(0.4)
    ann, bob = visit(app), visit(app)
    ann.ask(REQUEST)
    ann.wait_note("Writing")
    bob.ask(REQUEST)
    bob.wait_note("You are number 2 in line")
    ann.page.close()
    # 48 tokens would take twenty seconds; leaving takes two tokens and Gradio's notice of it.
    bob.page.wait_for_function(
        "document.querySelector('#note').innerText.includes('Writing')", timeout=12_000
    )
    app.pace(0.0)
    bob.wait_note("Done")
    app.crowd(on=False)


def test_your_own_edit_can_be_any_kind_and_its_own_random_control(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    page.check("#card-own .switch input")
    page.click("#card-own .kind input")
    page.click("#card-own .kind li:has-text('flipping'), [role=option]:has-text('flipping')")
    page.wait_for_selector('#card-own [data-copy="flip"]')
    page.click("#card-own [data-drawer=settings]")
    page.click("#card-own .dial-basis label:has-text('Random')")
    page.wait_for_selector('#card-own [data-copy="flip:basis=random"]')
    assert page.locator("#card-own .dial-c input[type=range]").count() == 0
    visitor.ask(REQUEST)
    page.wait_for_selector('#card-own .view[data-state="done"][data-panel="flip:basis=random"]')


def test_reset_brings_the_first_settings_back_and_starts_no_run(app, visit):
    app.pace(0.0)
    visitor = visit(app)
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    page.uncheck("#live input")
    page.uncheck("#card-ablation .switch input")
    press(page, "#card-flip .dial-k input[type=range]", "ArrowLeft")
    page.wait_for_selector('#card-flip [data-copy="flip:k=1"]')
    page.check("#live input")
    page.click("#reset")
    page.wait_for_selector('#card-flip [data-copy="flip"]')
    page.wait_for_timeout(1500)
    assert page.is_checked("#card-ablation .switch input")
    assert page.locator('.view[data-state="idle"]').count() == 5


def test_an_example_fills_the_request(app, visit):
    visitor = visit(app)
    page = visitor.page
    page.click(".group-borderline [data-drawer]")
    words = page.inner_text(".group-borderline .example >> nth=0")
    page.click(".group-borderline .example >> nth=0")
    page.wait_for_function(
        "words => document.querySelector('#request textarea').value === words", arg=words
    )
    page.wait_for_selector('#card-flip .view[data-state="idle"]')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 720), (1440, 900)])
def test_the_page_fits_the_screen_and_its_texts_have_contrast(app, visit, scheme, size):
    visitor = visit(app, color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    page = visitor.page
    page.click("#card-baseline [data-drawer=numbers]")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert not faint(page, TEXTS)
    page.click("#how [data-drawer]")
    page.wait_for_timeout(300)
    assert not faint(page, LESSON)
    assert not cut(page, "#lesson .lesson")
