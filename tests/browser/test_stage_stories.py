"""Everything on one screen: what is in sight, what opens over it, and what the keyboard does."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

REQUEST = "How do I paint the garden fence?"
SCREENS = [(1280, 720), (1366, 768), (1440, 900), (1920, 1080), (2560, 1440)]
OUT_OF_SIGHT = """() => {
  const outside = (each) => {
    const { left, right, top, bottom, width, height } = each.getBoundingClientRect();
    return !width || !height || left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
  };
  const wanted = [
    "#request textarea", "#run", "#stop", "#reset", "#examples .opener", "#link [data-link]",
    "#more .opener", "#note p",
    ".card h3", ".card .switch input", ".card .chip", ".card .gauge", ".card .answer",
    ".card .foot",
    ".card .dials .dial input[type=range]", ".card .dials .dial input[type=number]",
    ".atlas .sentence", ".atlas .board", ".atlas [data-part=layer]", ".atlas .places",
    ".atlas footer",
  ];
  return wanted.flatMap((one) => {
    const found = [...document.querySelectorAll(one)];
    if (!found.length) return [`${one} is missing`];
    return found.filter(outside).map((each) => `${one}: ${each.outerHTML.slice(0, 80)}`);
  });
}"""
LINES = """() => [...document.querySelectorAll(".card .answer")].map((each) => {
  const style = getComputedStyle(each);
  const inside = each.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  return inside / parseFloat(style.lineHeight);
})"""
BOXES = """() => [
  ...document.querySelectorAll(".card, .card .answer, #atlas, .board, #ask"),
].map((each) => {
  const { left, top, width, height } = each.getBoundingClientRect();
  return [left, top, width, height];
})"""
SMALL = "() => parseFloat(getComputedStyle(document.querySelector('.answer')).fontSize)"


def at(visit, app, size, **more):
    app.pace(0.0)
    return visit(app, viewport={"width": size[0], "height": size[1]}, **more)


@pytest.mark.parametrize("size", SCREENS)
def test_request_cards_and_map_are_in_sight_without_scrolling(app, visit, size):
    visitor = at(visit, app, size)
    page = visitor.page
    page.check("#card-own .switch input")
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(OUT_OF_SIGHT) == []
    least = 6 if size[1] < 900 else 8
    assert min(page.evaluate(LINES)) >= least


def test_type_grows_on_a_wall(app, visit):
    page = at(visit, app, (1440, 900)).page
    usual = page.evaluate(SMALL)
    page.set_viewport_size({"width": 2560, "height": 1440})
    assert page.evaluate(SMALL) >= 1.3 * usual


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_what_opens_moves_nothing_and_is_closed_by_escape(app, visit, size):
    visitor = at(visit, app, size)
    page = visitor.page
    page.wait_for_selector('.view[data-state="recorded"]')
    for opener, drawer in (
        ("#card-baseline [data-drawer=numbers]", "#card-baseline .numbers"),
        ("#card-baseline [data-drawer=numbers]", "#card-baseline .drawer-numbers"),
        (".group-harmless [data-drawer]", ".group-harmless .drawer"),
        ("#more [data-drawer]", "#settings"),
        ("#how [data-drawer]", "#lesson"),
    ):
        before = page.evaluate(BOXES)
        page.click(opener)
        page.wait_for_selector(drawer)
        assert page.evaluate(BOXES) == before
        assert page.get_attribute(opener, "aria-expanded") == "true"
        box = page.locator(drawer).bounding_box()
        assert box["x"] >= -1
        assert box["x"] + box["width"] <= size[0] + 1
        assert box["y"] + box["height"] <= size[1] + 1
        page.keyboard.press("Escape")
        page.wait_for_selector(drawer, state="hidden")
        assert page.evaluate("document.activeElement.matches('[data-drawer]')")


def test_one_drawer_is_open_at_a_time_and_a_click_beside_it_closes_it(app, visit):
    page = at(visit, app, (1280, 720)).page
    page.click("#card-flip [data-drawer=settings]")
    page.wait_for_selector("#card-flip .drawer-settings")
    page.click("#card-flip .dial-where label:has-text('Every layer')")
    page.wait_for_selector('#card-flip [data-copy="flip:where=all"]')
    page.click("#card-ablation [data-drawer=numbers]")
    page.wait_for_selector("#card-ablation .drawer-numbers")
    assert not page.is_visible("#card-flip .drawer-settings")
    page.click("#card-baseline .answer")
    page.wait_for_selector("#card-ablation .drawer-numbers", state="hidden")
    page.click(".group-harmful [data-drawer]")
    page.click(".group-harmful .example >> nth=0")
    page.wait_for_selector(".group-harmful .drawer", state="hidden")


def test_the_keyboard_runs_stops_and_switches_cards(app, visit):
    app.pace(0.3)
    visitor = visit(app)
    page = visitor.page
    page.fill("#request textarea", REQUEST)
    page.keyboard.press("3")  # typed into the request
    assert page.input_value("#request textarea") == REQUEST + "3"
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+Enter")
    visitor.wait_note("Writing")
    page.keyboard.press("Escape")
    visitor.wait_note("Stopped")
    app.pace(0.0)
    page.uncheck("#live input")
    page.focus("#run")
    for key, slot in (("3", "ablation"), ("6", "own")):
        before = page.is_checked(f"#card-{slot} .switch input")
        page.keyboard.press(key)
        assert page.is_checked(f"#card-{slot} .switch input") is not before
    page.keyboard.press("1")  # the baseline always takes part
    page.keyboard.press("9")


def test_on_a_phone_one_answer_is_seen_and_all_verdicts(app, visit):
    visitor = at(visit, app, (390, 844))
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 844
    shown = (
        "() => [...document.querySelectorAll('.card')].filter((c) => c.offsetParent)"
        ".map((c) => c.id)"
    )
    assert page.evaluate(shown) == ["card-baseline"]
    for slot in ("baseline", "flip"):
        verdict = page.text_content(f"#card-{slot} .chip.verdict .word")
        button = page.locator(f"#verdicts [data-shows={slot}]")
        button.locator(f".told:text-is(': {verdict}')").wait_for(state="attached")
        assert button.bounding_box()["height"] >= 44
    for button in page.locator("#ask button:visible, #masthead button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, button.inner_text()
    page.click("#verdicts [data-shows=flip]")
    assert page.evaluate(shown) == ["card-flip"]
    page.click("#verdicts [data-shows=map]")
    assert page.evaluate(shown) == []
    page.wait_for_selector('.atlas[data-state="there"]')
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.locator("#verdicts").bounding_box()["y"] >= 0


def test_differences_are_tinted_and_answers_scroll_together(app, visit):
    visitor = at(visit, app, (1280, 720))
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    page.check("[data-compares=words]")
    tinted = "() => [...(CSS.highlights.get('differs') ?? [])].map(String)"
    page.wait_for_function(f"({tinted})().length > 0")
    texts = page.evaluate(
        "() => [...document.querySelectorAll('.answer')].map((a) => a.textContent)"
    )
    for words in page.evaluate(tinted):
        assert any(words in text for text in texts)
    page.uncheck("[data-compares=words]")
    assert page.evaluate(tinted) == []
    # Long answers, as a larger number of tokens would give them.
    page.evaluate(
        "() => { for (const a of document.querySelectorAll('.answer .written')) "
        "a.style.height = '900px'; }"
    )
    page.check("[data-compares=places]")
    page.evaluate("document.querySelector('#card-flip .answer').scrollTop = 200")
    page.wait_for_function("document.querySelector('#card-actadd .answer').scrollTop > 150")
    page.uncheck("[data-compares=places]")
    page.evaluate("document.querySelector('#card-flip .answer').scrollTop = 0")
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelector('#card-actadd .answer').scrollTop") > 150


def test_presenting_shows_one_panel_at_a_time_beside_the_baseline(app, visit):
    visitor = at(visit, app, (1280, 720))
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    usual = page.evaluate(SMALL)
    page.click("[data-present]")
    shown = (
        "() => [...document.querySelectorAll('.card')].filter((c) => c.offsetParent)"
        ".map((c) => c.id)"
    )
    assert page.evaluate(shown) == ["card-baseline", "card-actadd"]
    assert page.evaluate(SMALL) >= 1.15 * usual
    assert page.evaluate("document.documentElement.scrollHeight") <= 720
    assert not page.is_visible("#card-actadd .dials")
    assert page.is_visible(".atlas .board")
    assert page.is_checked("[data-safe]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(shown) == ["card-baseline", "card-ablation"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(shown) == ["card-baseline", "card-flip"]  # the own edit is off
    page.click("#verdicts [data-shows=nullspace]")
    assert page.evaluate(shown) == ["card-baseline", "card-nullspace"]
    page.keyboard.press("Escape")
    assert len(page.evaluate(shown)) == 6


def test_a_veil_leaves_the_first_sentence_and_is_lifted_by_a_press(app, visit):
    page = at(visit, app, (1280, 720)).page
    # A recording in which the baseline refuses and an edit does not.
    page.wait_for_selector('#card-baseline .view[data-state="recorded"] .chip.refused')
    page.evaluate(
        "document.querySelector('#card-ablation .answer .written').textContent = "
        "'Here is one. And here is another one.'"
    )
    assert page.locator(".veil").count() == 0
    page.check("[data-safe]")
    page.wait_for_selector("#card-ablation.veiled")
    assert page.inner_text("#card-ablation .veil .written") == "Here is one. …"
    blurred = "getComputedStyle(document.querySelector('#card-ablation .answer .written')).filter"
    assert "blur" in page.evaluate(blurred)
    assert page.locator("#card-baseline .veil").count() == 0
    # The same words stand in the map's tokens, and open by the keyboard: neither tells them.
    assert page.get_attribute("#card-ablation .answer", "tabindex") == "-1"
    page.click('[data-part="views"] [data-value="tokens"]')
    page.wait_for_selector(".words .card-ablation.veiled")
    page.evaluate(
        "document.querySelector('#card-ablation .answer').insertAdjacentHTML('afterbegin', "
        "'<details class=thinking open><div>First I think.</div></details>')"
    )
    thought = "getComputedStyle(document.querySelector('#card-ablation .thinking')).filter"
    assert "blur" in page.evaluate(thought)
    page.click("#card-ablation .lift")
    page.wait_for_selector("#card-ablation:not(.veiled)")
    assert page.evaluate(blurred) == "none"


def faults(page):
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_axe_finds_no_serious_fault_on_any_tab(app, visit, scheme, size):
    visitor = at(visit, app, size, color_scheme=scheme)
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    page.wait_for_timeout(500)
    assert faults(page) == []
    for opener in (
        "#card-baseline [data-drawer=numbers]",
        "#more [data-drawer]",
        "#how [data-drawer]",
    ):
        page.click(opener)
        page.wait_for_timeout(200)
        assert faults(page) == [], opener
        page.keyboard.press("Escape")
    for tab in ("dose", "results", "anatomy", "contrast"):
        page.click(f"#tab-{tab}")
        page.wait_for_timeout(800)
        assert faults(page) == [], tab


@pytest.mark.parametrize("size", [(768, 1024), (1024, 768)])
def test_on_a_tablet_nothing_is_cut_off_and_no_slider_lies_under_its_number(app, visit, size):
    page = at(visit, app, size).page
    beyond = (
        "[...document.querySelectorAll('#under-request *, #buttons *, .dials *')].filter(e => {"
        "const box = e.getBoundingClientRect();"
        "return box.width && e.checkVisibility() && box.right > innerWidth; }).length"
    )
    assert page.evaluate(beyond) == 0
    under = (
        "[...document.querySelectorAll('.card .dial')].filter(dial => {"
        "const [line, number] = ['range', 'number'].map(type =>"
        "dial.querySelector(`input[type=${type}]`)?.getBoundingClientRect());"
        "return line?.width && number?.width && line.right > number.left + 1"
        "&& line.bottom > number.top && line.top < number.bottom; }).length"
    )
    assert page.evaluate(under) == 0
