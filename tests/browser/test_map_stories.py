"""What a visitor sees and can do on the map, in a real browser, with a tiny random model."""

import csv
import io
from pathlib import Path

import pytest

from tests.helpers.chromium import CHROMIUM
from tests.helpers.stage import show_map

pytestmark = pytest.mark.browser

MARK = """(slot) => {
  const { data } = document.querySelector('[data-part="plane"]');
  const { x, y } = data.find((trace) => trace.uid === `mark-${slot}`);
  return [x[0], y[0]];
}"""
RESTS = "() => document.querySelector('.atlas').map.rests()"
RANGE = """() => {
  const { xaxis, yaxis } = document.querySelector('[data-part="plane"]')._fullLayout;
  return [...xaxis.range, ...yaxis.range];
}"""
PIXEL = """([uid, index]) => {
  const plot = document.querySelector('[data-part="plane"]');
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const { x, y } = plot.data.find((trace) => trace.uid === uid);
  return [
    box.left + xaxis._offset + xaxis.d2p(x[index]), box.top + yaxis._offset + yaxis.d2p(y[index]),
  ];
}"""


@pytest.fixture
def see(app, visit):
    """Return a function that opens the page and waits until a request is on the map."""

    def enter(**options):
        app.pace(0.0)
        visitor = visit(app, **options)
        page = visitor.page
        # Runs of their own would make these stories slow; placing needs none.
        page.uncheck("#live input")
        show_map(page)
        page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
        page.wait_for_function(RESTS)
        return page

    return enter


def choose(page, group, value):
    page.click(f'[data-part="{group}"] [data-value="{value}"]')
    page.wait_for_function(RESTS)


def press(page, selector, key, times=1):
    page.focus(selector)
    for _ in range(times):
        page.keyboard.press(key)


def move(page, selector, key, times=1):
    """Move a card's slider and wait until the map has followed."""
    form = page.get_attribute("#card-flip [data-copy]", "data-copy")
    press(page, selector, key, times)
    page.wait_for_function(
        "form => document.querySelector('#card-flip [data-copy]').dataset.copy !== form", arg=form
    )
    page.wait_for_function(
        "() => document.querySelector('.atlas').map.form('flip') === "
        "document.querySelector('#card-flip [data-copy]').dataset.copy"
    )
    page.wait_for_function(RESTS)


def layer_of(page):
    return page.inner_text('[data-part="layer-name"]')


ALPHA = "#card-flip .dial-alpha input[type=range]"


def test_ten_moves_of_a_slider_move_the_mark_on_the_same_plot_and_keep_the_zoom(see):
    page = see()
    page.evaluate("document.querySelector('[data-part=\"plane\"] svg').dataset.mine = 'yes'")
    box = page.locator('[data-part="plane"]').bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 220, steps=4)
    page.mouse.up()
    page.wait_for_selector('[data-part="whole"]:not([hidden])')
    zoomed, before = page.evaluate(RANGE), page.evaluate(MARK, "flip")
    baseline = page.evaluate(MARK, "baseline")
    for _ in range(10):
        move(page, ALPHA, "ArrowLeft")
    assert page.evaluate(MARK, "flip") != before
    assert page.evaluate(MARK, "baseline") == baseline
    assert page.evaluate(RANGE) == pytest.approx(zoomed)
    press(page, '[data-part="layer"]', "ArrowLeft")
    page.wait_for_function(RESTS)
    assert page.evaluate(RANGE) == pytest.approx(zoomed)
    assert page.locator('[data-part="plane"] svg[data-mine="yes"]').count() == 1
    page.click('[data-part="whole"]')
    page.wait_for_function(RESTS)
    assert page.evaluate(RANGE) != pytest.approx(zoomed)


def test_the_sentence_tells_of_the_card_that_was_moved(see):
    page = see()
    sentence = page.locator('.atlas .sentence[aria-live="polite"]')
    assert "this request" in sentence.inner_text()
    move(page, ALPHA, "ArrowLeft", times=2)
    assert sentence.inner_text().startswith("Counterfactual flipping (k=2, α=1.9)")
    page.click(".places li[data-slot=baseline] button")
    assert sentence.inner_text().startswith("This request lies")


def test_marks_have_the_colours_and_shapes_of_their_cards_in_light_and_dark(see):
    page = see(color_scheme="dark")
    look = """() => Object.fromEntries(document.querySelector('[data-part="plane"]').data
      .filter((t) => t.uid.startsWith('mark-') && t.x.length)
      .map((t) => [t.meta, [t.marker.symbol.replace('-open', ''), t.marker.color]]))"""
    dark = page.evaluate(look)
    assert {slot: shape for slot, (shape, _) in dark.items()} == {
        "baseline": "circle",
        "actadd": "triangle-up",
        "ablation": "square",
        "nullspace": "diamond",
        "flip": "bowtie",
    }
    page.evaluate("document.body.classList.remove('dark')")
    page.wait_for_function(RESTS)
    light = page.evaluate(look)
    for slot, (_, colour) in light.items():
        name = f"getComputedStyle(document.body).getPropertyValue('--{slot}').trim()"
        assert colour == page.evaluate(name)
        assert colour != dark[slot][1]


def test_a_card_that_is_off_has_no_mark(see):
    page = see()
    page.uncheck("#card-flip .switch input")
    page.wait_for_selector(".places li[data-slot=flip]", state="hidden")
    assert page.evaluate(MARK, "flip") == [None, None]


def test_pointing_shows_the_prompt_and_a_click_puts_it_into_the_box(see):
    page = see()
    before = page.evaluate(MARK, "baseline")
    at = page.evaluate(PIXEL, ["cloud-harmless", 5])
    page.mouse.move(*at)
    page.wait_for_selector('[data-part="plane"] .hovertext')
    shown = page.text_content('[data-part="plane"] .hovertext')
    assert "harmless request" in shown
    # A redraw under the pointer leaves the hover where it is.
    page.evaluate("document.querySelector('[data-part=\"borderline\"]').click()")
    page.wait_for_function(RESTS)
    page.wait_for_selector('[data-part="plane"] .hovertext')
    page.mouse.click(*at)
    page.wait_for_function("document.querySelector('#request textarea').value.startsWith('How do')")
    words = page.input_value("#request textarea")
    assert words.split()[-1] in shown
    # Gradio has taken it, too: the request is placed anew.
    page.wait_for_function(f"before => ({MARK})('baseline')[0] !== before[0]", arg=before)


def test_the_keyboard_walks_through_the_layers(see):
    page = see()
    assert layer_of(page) == "Layer 2 of 3"
    before = page.evaluate(MARK, "flip")
    press(page, '[data-part="layer"]', "ArrowRight")
    page.wait_for_function(RESTS)
    assert layer_of(page) == "Layer 3 of 3"
    assert page.get_attribute('[data-part="layer"]', "aria-valuetext") == "layer 3 of 3"
    assert page.evaluate(MARK, "flip") != before
    press(page, '[data-part="layer"]', "Home")
    assert layer_of(page) == "Layer 1 of 3"
    choose(page, "presets", "last")
    assert layer_of(page) == "Layer 3 of 3"
    choose(page, "presets", "edit")
    assert layer_of(page) == "Layer 2 of 3"


def test_play_tells_the_story_from_the_first_layer_to_the_last_and_ends(see):
    page = see()
    choose(page, "presets", "last")
    # Noted in the page: a look from outside may come after the next step.
    page.evaluate(
        """() => {
            const name = document.querySelector('[data-part="layer-name"]');
            const play = document.querySelector('[data-part="play"]');
            window.seen = [];
            new MutationObserver(() => window.seen.push([name.textContent, play.ariaLabel]))
                .observe(name, { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.click('[data-part="play"]')
    page.wait_for_function("() => window.seen.some(([name]) => name.includes('3 of'))")
    page.wait_for_selector('[data-part="play"][aria-label^="Play"]')
    seen = page.evaluate("window.seen")
    assert list(dict.fromkeys(name for name, _ in seen)) == [
        *("Layer 1 of 3", "Layer 2 of 3", "Layer 3 of 3")
    ]
    assert seen[0][1] == "Pause"


def test_each_map_is_drawn_once_and_umap_asks_the_server_for_the_place(see):
    page = see()
    for name, part in (("pca", "plane"), ("umap", "plane"), ("pca3", "space"), ("harm", "plane")):
        choose(page, "maps", name)
        page.wait_for_selector(f'[data-part="{part}"] .main-svg >> nth=0')
        page.wait_for_function(
            "() => Object.keys(document.querySelector('.atlas').map.marks()).length === 5"
        )
    camera = (
        "document.querySelector('[data-part=\"space\"]')._fullLayout.scene._scene.getCamera().eye.x"
    )
    choose(page, "maps", "pca3")
    page.evaluate("window.scene = document.querySelector('[data-part=\"space\"] canvas')")
    box = page.locator('[data-part="space"]').bounding_box()
    first = page.evaluate(camera)
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 130, steps=5)
    page.mouse.up()
    page.wait_for_function(f"first => Math.abs({camera} - first) > 0.01", arg=first)
    turned = page.evaluate(camera)
    press(page, '[data-part="layer"]', "ArrowRight")
    page.wait_for_function(RESTS)
    assert page.evaluate(camera) == pytest.approx(turned, abs=1e-3)
    assert page.evaluate("window.scene === document.querySelector('[data-part=\"space\"] canvas')")


def test_paths_show_every_layer_and_a_click_goes_there(see):
    page = see()
    choose(page, "views", "path")
    lines = page.evaluate(
        "document.querySelector('[data-part=\"path\"]').data"
        ".filter((t) => t.uid.startsWith('path-') && t.x.length).map((t) => t.y.length)"
    )
    assert lines == [3] * 5
    script = PIXEL.replace("plane", "path")
    page.mouse.click(*page.evaluate(script, ["path-baseline", 2]))
    page.wait_for_function(
        "() => document.querySelector('[data-part=\"layer-name\"]').innerText.includes('3 of')"
    )


def test_tokens_carry_their_number_and_the_answer_appears_after_a_run(see):
    page = see()
    choose(page, "views", "tokens")
    assert page.locator(".words section").count() == 5
    assert page.locator(".words .of-answer").count() == 0
    first = page.locator(".words .tok >> nth=0")
    assert first.get_attribute("aria-label").startswith("“A”: t = ")
    assert page.locator(".words section >> nth=0").locator(".tok.read").count() == 1
    page.click("#run")
    page.wait_for_selector(".words .of-answer .tok >> nth=2", state="attached")


def test_what_is_taken_away_can_be_read_and_the_map_opens_without_a_network(
    see, browser, tmp_path: Path
):
    page = see()
    found = {}
    for ending in ("png", "svg", "csv", "html"):
        with page.expect_download() as download:
            page.click(f'[data-save="{ending}"]')
        assert download.value.suggested_filename == f"where-it-lands-layer-2-harm.{ending}"
        found[ending] = tmp_path / f"map.{ending}"
        download.value.save_as(found[ending])
    assert found["png"].read_bytes().startswith(b"\x89PNG")
    assert found["svg"].read_text("utf-8").startswith("<svg")
    rows = list(csv.DictReader(io.StringIO(found["csv"].read_text("utf-8"))))
    assert [row["kind"] for row in rows].count("panel") == 5 * 3
    assert [row["kind"] for row in rows].count("harmful") == 24
    marks = {row["settings"]: float(row["t"]) for row in rows if row["layer"] == "2"}
    assert marks["flip"] == page.evaluate(MARK, "flip")[0]
    context = browser.new_context(offline=True)
    alone = context.new_page()
    problems = []
    alone.on("pageerror", lambda error: problems.append(str(error)))
    asked = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(found["html"].as_uri())
    alone.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    alone.wait_for_function(RESTS)
    assert alone.evaluate(MARK, "flip") == page.evaluate(MARK, "flip")
    press(alone, '[data-part="layer"]', "ArrowRight")
    assert layer_of(alone) == "Layer 3 of 3"
    assert alone.inner_text("h1") == "A recorded request"
    assert not problems
    assert {url.partition(":")[0] for url in asked} <= {"file", "blob", "data"}
    context.close()


def test_plotly_is_fetched_only_when_the_map_comes_into_sight(app, visit):
    visitor = visit(app, viewport={"width": 390, "height": 844})
    page = visitor.page
    assert page.evaluate("typeof Plotly") == "undefined"
    show_map(page)
    page.wait_for_selector('[data-part="plane"] .main-svg >> nth=0')
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for view in ("path", "tokens", "map"):
        choose(page, "views", view)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_whoever_wants_no_motion_sees_the_end_at_once(see):
    page = see(reduced_motion="reduce")
    # Each drawing of the plane leaves where it put a mark; a check's end draws, too.
    page.evaluate(
        "([mark]) => { window.drawn = []; const { react } = Plotly; Plotly.react = (...all) => {"
        "const done = react(...all); window.drawn.push(String(eval(mark)('baseline')));"
        "return done; }; }",
        [MARK],
    )
    before = page.evaluate(MARK, "baseline")
    press(page, '[data-part="layer"]', "ArrowRight")
    page.wait_for_function(RESTS)
    seen = page.evaluate("window.drawn")
    assert set(seen) == {",".join(str(value) for value in page.evaluate(MARK, "baseline"))}
    assert seen[0] != ",".join(str(value) for value in before)


@pytest.mark.parametrize("view", ["map", "path", "tokens"])
def test_nothing_jumps_between_views_and_layers(see, view):
    page = see()
    box = "document.querySelector('#atlas').getBoundingClientRect().height"
    before = page.evaluate(box)
    choose(page, "views", view)
    for value in ("last", "edit"):
        choose(page, "presets", value)
        assert page.evaluate(box) == pytest.approx(before, abs=1)


def test_a_plot_that_was_hidden_fits_its_place_when_it_is_shown_again(see):
    page = see()
    choose(page, "views", "path")
    page.set_viewport_size({"width": 900, "height": 700})
    choose(page, "views", "map")
    drawn = "document.querySelector('[data-part=\"plane\"]')._fullLayout.width"
    place = "document.querySelector('[data-part=\"board\"]').clientWidth"
    assert page.evaluate(drawn) == pytest.approx(page.evaluate(place), abs=1)


SOLID = "() => document.querySelector('[data-part=\"space\"]')._fullLayout?.scene?._scene?.glplot"
WHERE = "() => JSON.stringify(document.querySelector('.atlas').map.marks())"


def test_without_webgl_three_components_are_seen_flat_and_can_be_turned(app, browser):
    app.pace(0.0)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-webgl", "--disable-3d-apis"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    page = other.new_page()
    page.goto(app.url)
    show_map(page)
    page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    choose(page, "maps", "pca3")
    assert "No WebGL here" in page.inner_text('[data-part="status"]')
    assert "get.webgl.org" not in page.content()
    assert page.locator(".no-webgl").count() == 0
    first = page.evaluate(WHERE)
    press(page, '[data-part="plane"]', "ArrowRight")
    assert page.evaluate(WHERE) != first
    with page.expect_download() as download:
        page.click('[data-save="svg"]')
    assert download.value.suggested_filename.endswith("-pca3.svg")
    choose(page, "maps", "pca")
    assert not page.inner_text('[data-part="status"]')
    other.close()


def test_a_lost_webgl_context_leaves_the_map_usable(see):
    page = see()
    choose(page, "maps", "pca3")
    page.wait_for_function(SOLID)
    page.evaluate(f"({SOLID})().gl.getExtension('WEBGL_lose_context').loseContext()")
    page.wait_for_selector('[data-part="status"]:has-text("No WebGL here")')
    page.wait_for_function(RESTS)
    assert len(page.evaluate("document.querySelector('.atlas').map.marks()")) == 5
    # Asked for anew, it is drawn in 3D again where that is possible.
    choose(page, "maps", "pca")
    choose(page, "maps", "pca3")
    page.wait_for_function(SOLID)
