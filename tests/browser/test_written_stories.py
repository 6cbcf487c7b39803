"""What people write on the page, in any direction and any notation, in a real browser."""

import pytest

from tests.helpers.stage import show_map

pytestmark = pytest.mark.browser

REQUEST = "How do I paint the garden fence?"
ARABIC = "كيف أصنع الخبز في البيت؟"
HEBREW = "איך אופים לחם?"
NEUTRAL_FIRST = "1. «كيف» أصنع الخبز؟"
RIGHT_TO_LEFT = [ARABIC, HEBREW, NEUTRAL_FIRST, f"{ARABIC} (bread)"]
LEFT_TO_RIGHT = [REQUEST, f"Translate {ARABIC} for me", "1, 2, 3: go"]
ALPHA = "#card-flip .dial-alpha input[type=number]"
K = "#card-flip .dial-k input[type=number]"
COPY = "#card-flip [data-copy]"


def form(page, slot="flip"):
    return page.get_attribute(f"#card-{slot} [data-copy]", "data-copy")


def wait_form(page, text, slot="flip"):
    page.wait_for_selector(f'#card-{slot} [data-copy="{text}"]')


def direction(page, selector):
    """Tell at which side the first line of a text begins, from where its first letter stands."""
    return page.evaluate(
        """(selector) => {
          const box = document.querySelector(selector);
          return box.matches(':dir(rtl)') ? 'rtl' : 'ltr';
        }""",
        selector,
    )


def side(page, selector):
    """Tell at which side of its box the last line of a text ends to stand."""
    return page.evaluate(
        """(selector) => {
          const box = document.querySelector(selector);
          const range = document.createRange();
          range.selectNodeContents(box);
          const [text, around] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
          return text.left - around.left > around.right - text.right ? 'right' : 'left';
        }""",
        selector,
    )


@pytest.fixture
def enter(app, visit):
    app.pace(0.0)

    def come(**options):
        return visit(app, **options)

    return come


def empty(page, field):
    page.click(field, click_count=3)
    page.keyboard.press("Delete")


def write(page, field, text):
    empty(page, field)
    page.type(field, text)


def test_a_text_begins_at_its_own_side(enter):
    visitor = enter()
    page = visitor.page
    for texts, expected in ((RIGHT_TO_LEFT, "rtl"), (LEFT_TO_RIGHT, "ltr")):
        for text in texts:
            page.fill("#request textarea", text)
            assert direction(page, "#request textarea") == expected, text
    # An answer in whatever language, put where answers are put.
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    for text, expected in ((ARABIC, "right"), (HEBREW, "right"), (REQUEST, "left")):
        page.evaluate(
            "(text) => document.querySelector('#card-flip .answer .written').textContent = text",
            text,
        )
        assert side(page, "#card-flip .answer .written") == expected


def test_an_arabic_request_is_read_from_the_right_everywhere(enter):
    visitor = enter()
    page = visitor.page
    visitor.ask(ARABIC)
    visitor.wait_note("Done")
    show_map(page)
    page.click('[data-part="views"] [data-value="tokens"]')
    page.wait_for_selector(".words .line.of-request")
    assert direction(page, ".words .line.of-request") == "rtl"
    assert direction(page, ".words .line.of-template") == "ltr"
    page.click("#card-baseline [data-drawer=numbers]")
    page.wait_for_selector("#card-baseline .tokens code[dir=auto]")
    for example in page.query_selector_all(".example"):
        assert example.get_attribute("dir") == "auto"


def test_while_a_number_is_typed_nothing_breaks_and_an_emptied_field_keeps_the_last(enter):
    visitor = enter()
    page = visitor.page
    for field in (ALPHA, K):
        before, value = form(page), page.input_value(field)
        empty(page, field)
        page.wait_for_selector(f'{field}[aria-invalid="true"]')
        assert "from" in page.get_attribute(field, "title")
        for half in ("-", "e", "1e"):
            page.keyboard.type(half)
            page.wait_for_timeout(150)
        assert "wrong" not in visitor.note()
        page.keyboard.press("Tab")
        assert page.input_value(field) == value
        assert page.get_attribute(field, "aria-invalid") == "false"
        page.wait_for_timeout(300)
        assert form(page) == before
    assert page.locator(".toast-wrap .error, .toast-body.error").count() == 0


TYPED = {
    "9e9": (3, "flip:alpha=3"),
    "-4": (0, "flip:alpha=0"),
    "1.37": (1.37, "flip:alpha=1.37"),
    "1,5": (1.5, "flip:alpha=1.5"),
    "٠٫٧": (0.7, "flip:alpha=0.7"),
    "1e-3": (0.001, "flip:alpha=0.001"),
    "0.12345678912345": (0.1234567891, "flip:alpha=0.1234567891"),
    "999999999999999999999999": (3, "flip:alpha=3"),
}


def test_card_form_and_slider_agree_on_what_was_typed(enter):
    page = enter().page
    for typed, (shown, said) in TYPED.items():
        write(page, ALPHA, typed)
        page.keyboard.press("Enter")
        wait_form(page, said)
        assert float(page.input_value(ALPHA)) == shown
        slider = float(page.input_value("#card-flip .dial-alpha input[type=range]"))
        assert slider == pytest.approx(shown, abs=0.026)  # half a step, which is all it can show


PASTED = {
    "0,5": "flip:alpha=0.5",
    " 1.25\n": "flip:alpha=1.25",
    "−1": "flip:alpha=0",
    "twelve": "flip:alpha=0",
    "1.234,5": "flip:alpha=0",
    "NaN": "flip:alpha=0",
}
CARRY = """(text) => {
  const box = document.body.appendChild(document.createElement('textarea'));
  box.value = text;
  box.select();
  document.execCommand('copy');
  box.remove();
}"""


def test_a_pasted_number_is_read_or_refused_but_never_another(enter):
    page = enter().page
    for pasted, said in PASTED.items():
        page.evaluate(CARRY, pasted)
        page.click(ALPHA, click_count=3)
        page.keyboard.press("Control+V")
        page.keyboard.press("Tab")
        wait_form(page, said)


def test_a_rank_is_whole_and_the_arrow_keys_go_by_steps(enter):
    page = enter().page
    write(page, K, "1.4")
    page.keyboard.press("Tab")
    wait_form(page, "flip:k=1")
    assert page.input_value(K) == "1"
    write(page, ALPHA, "1.37")
    page.keyboard.press("ArrowUp")
    wait_form(page, "flip:k=1,alpha=1.4")


def test_length_temperature_and_seed_survive_every_text(enter):
    visitor = enter()
    page = visitor.page
    page.click("#more [data-drawer]")
    fields = page.locator("#settings input[type=number]")
    fields.first.wait_for()
    before = [fields.nth(at).input_value() for at in range(fields.count())]
    assert len(before) == 4
    for at in range(4):
        for text in ("", "-", "1e", "9e99"):
            fields.nth(at).click(click_count=3)
            page.keyboard.press("Delete")
            page.keyboard.type(text)
            page.keyboard.press("Tab")
            assert float(fields.nth(at).input_value()) >= 0
            if text != "9e99":
                # What was there, or what had been typed when it still was a number.
                assert fields.nth(at).input_value() in (before[at], text.removesuffix("e") or "-")
        fields.nth(at).fill(before[at])
    visitor.ask(REQUEST)
    visitor.wait_note("Done")


FORBIDDEN = """() => {
  Object.defineProperty(navigator, 'clipboard', { value: WAY, configurable: true });
  if (OLDER) return;
  Document.prototype.execCommand = () => ANSWER;
}"""


def forbid(page, *, clipboard, older, answer="false"):
    script = FORBIDDEN.replace("WAY", clipboard).replace("OLDER", str(older).lower())
    page.evaluate(script.replace("ANSWER", answer))


REJECTS = "{ writeText: () => Promise.reject(new DOMException('no', 'NotAllowedError')) }"


def test_without_a_clipboard_the_older_way_copies(enter):
    page = enter(permissions=["clipboard-read", "clipboard-write"]).page
    page.evaluate("() => (window.look = navigator.clipboard.readText.bind(navigator.clipboard))")
    for slot, clipboard in (("flip", "undefined"), ("nullspace", REJECTS)):
        forbid(page, clipboard=clipboard, older=True)
        page.click(f"#card-{slot} [data-copy]")
        page.wait_for_selector(f"#card-{slot} .copy.told:has-text('copied')")
        assert page.evaluate("window.look()") == slot
        assert page.inner_text("#copying-live") == "copied"


def test_where_nothing_can_be_copied_the_text_stands_selected(enter):
    page = enter().page
    held = """() => {
      const { value, selectionStart, selectionEnd } = document.activeElement;
      return value.slice(selectionStart, selectionEnd);
    }"""
    # The second is a browser that says yes and does nothing.
    for clipboard, answer in (("undefined", "false"), (REJECTS, "true")):
        forbid(page, clipboard=clipboard, older=False, answer=answer)
        page.click(COPY)
        page.wait_for_selector(f"{COPY} .copy.told:has-text('press Ctrl+C')")
        assert page.evaluate(held) == form(page)
        page.keyboard.press("Control+C")
        page.wait_for_selector(f"{COPY} .copy.told:has-text('copied')")
        page.wait_for_selector(".by-hand", state="detached")


WAITS = "{ writeText: () => new Promise((_, no) => (window.refuse = () => no(new Error('no')))) }"


def test_a_button_that_is_drawn_anew_while_the_browser_decides_is_let_go(enter):
    page = enter().page
    forbid(page, clipboard=WAITS, older=False)
    # As when a tick of the clock, or another model, draws its section again.
    for selector in (COPY, ".claim .cite"):
        page.evaluate(
            """async (selector) => {
              const button = document.querySelector(selector);
              button.click();
              button.remove();
              window.refuse();
              await new Promise((done) => setTimeout(done, 100));
            }""",
            selector,
        )
        assert page.locator(".by-hand").count() == 0
        assert page.locator("#copying-live").count() == 0


def test_a_sentence_without_a_text_of_its_own_on_the_page_can_be_copied_by_hand(enter):
    page = enter().page
    page.click("#tab-results")
    forbid(page, clipboard="undefined", older=False)
    page.click(".claim .cite >> nth=0")
    page.wait_for_selector(".claim .by-hand")
    wanted = page.get_attribute(".claim .cite >> nth=0", "data-copy")
    assert page.input_value(".claim .by-hand") == wanted
    page.keyboard.press("Escape")
    page.wait_for_selector(".by-hand", state="detached")
    assert page.inner_text(".claim .cite >> nth=0 >> .copy") == "copy"


TRANSLATE = """() => {
  const walk = (node) => {
    if (node.nodeType === 3) {
      if (!node.data.trim() || !node.parentElement) return;
      const [outer, inner] = [0, 0].map(() => document.createElement('font'));
      inner.textContent = `«${node.data}»`;
      outer.append(inner);
      node.replaceWith(outer);
      return;
    }
    const skipped = ['SCRIPT', 'STYLE', 'TEXTAREA', 'svg', 'FONT'];
    if (node.nodeType !== 1 || skipped.includes(node.tagName)) return;
    if (node.getAttribute('translate') === 'no') return;
    [...node.childNodes].forEach(walk);
  };
  walk(document.body);
}"""


def test_a_translated_page_keeps_what_the_model_wrote_and_goes_on_working(enter):
    visitor = enter()
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done")
    page.click("#card-baseline [data-drawer=numbers]")
    show_map(page)
    page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    page.click('[data-part="views"] [data-value="tokens"]')
    page.wait_for_selector(".words .tok")
    page.evaluate(TRANSLATE)
    for kept in (".answer .written", ".tokens code", ".form code", ".words .line", ".example"):
        assert page.locator(kept).count()
        assert page.locator(f"{kept} font").count() == 0, kept
    for translated in (
        "#run",
        ".card h3",
        ".card .line",
        ".gauge span",
        ".chip.verdict",
        ".lesson p",
    ):
        assert page.locator(f"{translated} font").count(), translated
    # Everything goes on: a slider, a run, the map, the tabs, copying, an example.
    page.click('[data-part="views"] [data-value="map"]')
    write(page, K, "1")
    wait_form(page, "flip:k=1")
    page.wait_for_selector('#card-flip .view[data-state="done"][data-panel="flip:k=1"]')
    page.click("#run")
    visitor.wait_note("Done")
    assert page.locator("#card-flip .answer .written font").count() == 0
    page.click(COPY)
    page.wait_for_selector(f"{COPY} .copy.told")
    page.click("#tab-results")
    page.wait_for_selector("#measured .results table", state="visible")
    page.click("#measured th button >> nth=1")
    page.click("#tab-playground")
    page.click(".group-borderline [data-drawer]")
    words = page.inner_text(".group-borderline .example >> nth=0")
    page.click(".group-borderline .example >> nth=0")
    page.wait_for_function(
        "words => document.querySelector('#request textarea').value === words", arg=words
    )
    page.click("#reset")
    wait_form(page, "flip")


def test_nothing_on_the_page_links_to_another_host(enter):
    page = enter().page
    hosts = page.evaluate(
        "() => [...document.querySelectorAll('a[href]')].map((a) => new URL(a.href).host)"
    )
    assert set(hosts) <= {page.evaluate("location.host")}
