"""Exploring the map: search, lasso, nearest requests, colours, a second layer, and no WebGL."""

import csv
import io
from pathlib import Path

import pytest

from tests.browser.conftest import PATIENCE
from tests.helpers.chromium import CHROMIUM
from tests.helpers.stage import show_map

pytestmark = pytest.mark.browser

RESTS = "() => document.querySelector('.atlas').map.rests()"
STRONG = """(part) => document.querySelector(`[data-part="${part}"]`).data
  .filter((trace) => trace.meta === 'cloud')
  .flatMap(({ customdata, marker }) =>
    customdata.filter((_, n) => marker.color[n].endsWith(',1)')))
  .sort((a, b) => a - b)"""
"""Indices of the dots that stand out on a plane."""
ROWS = "() => [...document.querySelectorAll('.list .row')].map((row) => Number(row.dataset.dot))"
RING = """(part) => {
  const ring = document.querySelector(`[data-part="${part}"] .ring`);
  return ring.getAttribute('visibility') === 'visible'
    ? [ring.getAttribute('cx'), ring.getAttribute('cy')].map(Number) : null;
}"""
PLACE = """([part, i]) => {
  const plot = document.querySelector(`[data-part="${part}"]`);
  const { xaxis, yaxis } = plot._fullLayout;
  const trace = plot.data.find((each) => each.meta === 'cloud' && each.customdata.includes(i));
  const at = trace.customdata.indexOf(i);
  return [xaxis._offset + xaxis.d2p(trace.x[at]), yaxis._offset + yaxis.d2p(trace.y[at])];
}"""


def ready(page):
    show_map(page)
    page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    page.click('[data-part="explore"]')
    page.wait_for_function(RESTS)
    return page


@pytest.fixture
def explore(app, visit):
    """Return a function that opens the page and the panel beside the map."""

    def enter(**options):
        app.pace(0.0)
        page = visit(app, **options).page
        page.uncheck("#live input")
        return ready(page)

    return enter


def list_of(page, least=1):
    page.wait_for_function(f"least => ({ROWS})().length >= least", arg=least)
    return page.evaluate(ROWS)


def drag(page, part, corners):
    box = page.locator(f'[data-part="{part}"]').bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_search_finds_dims_walks_and_clears_by_keyboard_alone(explore):
    page = explore()
    assert page.evaluate("document.activeElement.dataset.part") == "search"
    page.keyboard.type("dog")
    hits = list_of(page, 8)
    assert len(hits) == 8
    assert "8 of 48 requests: 4 harmful, 4 harmless" in page.inner_text('[data-part="list-title"]')
    assert page.evaluate(STRONG, "plane") == sorted(hits)
    rings = []
    for count in (1, 2):
        page.keyboard.press("Enter")
        assert f"{count} of 8: " in page.inner_text('[data-part="list-note"]')
        rings.append(page.evaluate(RING, "over"))
        place = page.evaluate(PLACE, ["plane", hits[count - 1]])
        assert rings[-1] == pytest.approx(place, abs=1)
    assert rings[0] != rings[1]
    page.keyboard.press("Shift+Enter")
    assert page.evaluate(RING, "over") == pytest.approx(rings[0])
    page.keyboard.press("Escape")
    assert page.evaluate(ROWS) == []
    assert page.evaluate(STRONG, "plane") == []
    assert page.is_visible('[data-part="search"]')
    page.keyboard.press("Escape")
    assert page.is_hidden('[data-part="search"]')
    assert page.evaluate("document.activeElement.dataset.part") == "explore"


def test_a_lasso_and_a_box_list_what_lies_in_them_and_the_list_can_be_taken_away(explore):
    page = explore()
    page.click('[data-part="tools"] [data-value="lasso"]')
    drag(page, "over", [(0.01, 0.01), (0.99, 0.01), (0.99, 0.5), (0.01, 0.5)])
    upper = list_of(page)
    page.click('[data-part="tools"] [data-value="box"]')
    drag(page, "over", [(0.01, 0.5), (0.99, 0.99)])
    page.wait_for_function(f"before => ({ROWS})()[0] !== before", arg=upper[0])
    lower = list_of(page)
    assert not set(upper) & set(lower)
    half = page.locator('[data-part="over"]').bounding_box()["height"] / 2
    for dots, above in ((upper, True), (lower, False)):
        for each in dots[:6]:
            assert (page.evaluate(PLACE, ["plane", each])[1] < half) is above
    with page.expect_download() as download:
        page.click('[data-list="save"]')
    text = Path(download.value.path()).read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(lower)
    assert {row["class"] for row in rows} <= {"harmful", "harmless"}
    assert all(row["text"].startswith("How do I ") for row in rows)
    drag(page, "over", [(0.01, 0.4), (0.015, 0.46)])
    page.wait_for_selector('[data-part="list-title"]:has-text("No dot lies in there")')


def test_nearest_requests_of_a_dot_and_of_a_mark_are_told_with_their_distance(explore):
    page = explore()
    page.fill('[data-part="search"]', "forge letter")
    (dot,) = list_of(page)
    page.click(".list .row")
    page.wait_for_selector('[data-part="list-title"]:has-text("Nearest to “How do I forge a")')
    near = list_of(page, 12)
    assert len(near) == 12
    assert dot not in near
    note = page.inner_text('[data-part="list-note"]')
    assert note.startswith("Euclidean distance at layer 2, in the ")
    page.click('[data-list="back"]')
    page.wait_for_function(f"dot => ({ROWS})()[0] === dot", arg=dot)
    page.click('[data-near="flip"]')
    page.wait_for_selector('[data-part="list-title"]:has-text("Nearest to Counterfactual")')
    assert len(list_of(page, 12)) == 12
    # What is nearest is another one at another layer, and the note says which.
    page.focus('[data-part="layer"]')
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('[data-part="list-note"]:has-text("at layer 3")')
    page.click(".list .ask >> nth=0")
    page.wait_for_function("document.querySelector('#request textarea').value.startsWith('How')")


def test_categories_have_names_shapes_and_a_legend_that_points(explore):
    page = explore()
    assert page.is_hidden('[data-part="legend"]')
    page.check('[data-part="borderline"]')
    page.click('[data-part="colours"] [data-value="category"]')
    page.wait_for_function(RESTS)
    legend = page.locator('[data-part="legend"] button')
    assert legend.all_inner_texts() == [
        *("fiction and games", "figures of speech", "history and definitions")
    ]
    look = """() => document.querySelector('[data-part="plane"]').data
      .find((trace) => trace.uid === 'cloud-borderline').marker.color"""
    assert len(set(page.evaluate(look))) == 3
    legend.first.click()
    assert page.evaluate(STRONG, "plane") == list_of(page)
    assert legend.first.get_attribute("aria-pressed") == "true"
    page.click('[data-part="colours"] [data-value="class"]')
    page.wait_for_function(RESTS)
    assert len(set(page.evaluate(look))) == 2  # the picked one and the dimmed ones


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_two_layers_are_linked_both_ways(explore, motion):
    page = explore(reduced_motion=motion)
    page.check('[data-part="twin-on"]')
    page.wait_for_selector('[data-part="twin-plane"] .main-svg >> nth=0')
    assert page.inner_text('[data-part="twin-name"]') == "Layer 3"
    page.fill('[data-part="search"]', "dog")
    hits = sorted(list_of(page, 8))
    for part in ("plane", "twin-plane"):
        assert page.evaluate(STRONG, part) == hits
    page.keyboard.press("Enter")
    pointed = page.evaluate(ROWS)[0]
    for part, over in (("plane", "over"), ("twin-plane", "twin-over")):
        place = page.evaluate(PLACE, [part, pointed])
        assert page.evaluate(RING, over) == pytest.approx(place, abs=1)
    drag(page, "twin-over", [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)])
    both = sorted(list_of(page, 20))
    for part in ("plane", "twin-plane"):
        assert page.evaluate(STRONG, part) == both
    before = page.evaluate(PLACE, ["twin-plane", both[0]])
    first = page.evaluate(PLACE, ["plane", both[0]])
    page.focus('[data-part="twin-layer"]')
    page.keyboard.press("Home")
    page.wait_for_function(
        f"([was, i]) => ({PLACE})(['twin-plane', i])[1] !== was", arg=[before[1], both[0]]
    )
    assert page.evaluate(PLACE, ["plane", both[0]]) == first


def test_the_panel_moves_nothing_and_the_plot_is_not_made_anew(explore):
    page = explore()
    box = "() => JSON.stringify(document.querySelector('.atlas .board').getBoundingClientRect())"
    page.evaluate("document.querySelector('[data-part=\"plane\"] svg').dataset.mine = 'yes'")
    opened = page.evaluate(box)
    page.fill('[data-part="search"]', "phone")
    list_of(page, 8)
    page.click('[data-part="tools"] [data-value="lasso"]')
    drag(page, "over", [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)])
    assert page.evaluate(box) == opened
    page.click('[data-part="shut"]')
    assert page.evaluate(box) == opened
    assert page.locator('[data-part="plane"] svg[data-mine="yes"]').count() == 1
    assert page.evaluate(STRONG, "plane") == []


def test_the_plane_zooms_and_moves_by_keyboard(explore):
    page = explore()
    span = """() => {
      const [low, high] = document.querySelector('[data-part="plane"]')._fullLayout.xaxis.range;
      return [low, high - low];
    }"""
    low, width = page.evaluate(span)
    page.focus('[data-part="plane"]')
    page.keyboard.press("+")
    assert page.evaluate(span)[1] == pytest.approx(0.8 * width)
    inside = page.evaluate(span)[0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(span)[0] > inside
    page.keyboard.press("0")
    page.wait_for_function(RESTS)
    assert page.evaluate(span) == pytest.approx([low, width])


def test_without_webgl_everything_is_drawn_found_and_drawn_around(app, browser):
    app.pace(0.0)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-webgl", "--disable-3d-apis"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    page = other.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(app.url)
    ready(page)
    for name in ("harm", "pca", "pca3"):
        page.click(f'[data-part="maps"] [data-value="{name}"]')
        page.wait_for_function(RESTS)
        page.fill('[data-part="search"]', "dog")
        assert page.evaluate(STRONG, "plane") == sorted(list_of(page, 8))
        page.click('[data-part="tools"] [data-value="lasso"]')
        drag(page, "over", [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)])
        assert len(list_of(page, 20)) > 20
    other.close()


def test_forced_colours_tell_classes_and_what_is_chosen_without_grounds(explore):
    page = explore()
    looks = """() => Object.fromEntries(document.querySelector('[data-part="plane"]').data
      .filter(({ uid }) => uid === 'cloud-harmful' || uid === 'cloud-harmless')
      .map(({ uid, marker }) => [uid, [marker.symbol[0], marker.color[0]]]))"""
    before = page.evaluate(looks)
    page.emulate_media(forced_colors="active")
    page.wait_for_function(f"() => ({looks})()['cloud-harmless'][0] !== 'circle'")
    now = page.evaluate(looks)
    assert before["cloud-harmful"][0] == before["cloud-harmless"][0]
    assert now["cloud-harmful"][0] != now["cloud-harmless"][0]
    assert now["cloud-harmful"][1] == now["cloud-harmless"][1]
    ground = "(name) => getComputedStyle(document.querySelector(name)).backgroundColor"
    tools = '[data-part="tools"] button[aria-pressed="{}"]'
    assert page.evaluate(ground, tools.format("true")) != page.evaluate(
        ground, tools.format("false")
    )
    page.emulate_media(forced_colors="none")
    page.wait_for_function(f"() => ({looks})()['cloud-harmless'][0] === 'circle'")


def test_on_a_phone_the_panel_is_a_sheet_and_the_page_is_no_wider(explore):
    page = explore(viewport={"width": 390, "height": 844})
    page.fill('[data-part="search"]', "dog")
    list_of(page, 8)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet = page.locator('[data-part="explorer"]').bounding_box()
    assert sheet["width"] == pytest.approx(390, abs=2)
    assert sheet["y"] > 844 / 3
