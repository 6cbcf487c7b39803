"""How dots travel between layers, frame by frame, and what becomes of them when they are disturbed.

The page's clock of frames stands still and is moved by hand, so that no story depends on how fast
the machine is.
"""

import pytest

from tests.helpers.stage import show_map

pytestmark = pytest.mark.browser

RESTS = "() => document.querySelector('.atlas').map.rests()"
HELD = """() => {
  const own = [requestAnimationFrame, cancelAnimationFrame, performance.now];
  const queue = new Map();
  const { react } = Plotly;
  let [time, last] = [0, 0];
  window.draws = 0;
  Plotly.react = (...all) => (window.draws++, react(...all));
  window.requestAnimationFrame = (frame) => (queue.set(++last, frame), last);
  window.cancelAnimationFrame = (number) => queue.delete(number);
  performance.now = () => time;
  window.tick = (to) => {
    time = to;
    for (const [number, frame] of [...queue]) if (queue.delete(number)) frame(time);
  };
  window.letGo = () => {
    [window.requestAnimationFrame, window.cancelAnimationFrame, performance.now] = own;
    for (const frame of queue.values()) requestAnimationFrame(frame);
  };
}"""
SEEN = """(part) => [...document.querySelectorAll(
  `[data-part="${part}"] :is([class*=tracecloud-harm], [class*=tracemark]) path.point`
)].map((dot) => dot.getAttribute('transform').match(/[-\\d.]+/g).slice(0, 2).map(Number))"""
"""Where dots and marks are on the screen, in pixels of the plot."""
RIGHT = """(part) => {
  const { data, _fullLayout: { xaxis, yaxis } } = document.querySelector(`[data-part="${part}"]`);
  return data.filter(({ uid }) => /^cloud-harm|^mark-/.test(uid))
    .flatMap(({ x, y }) => [...x].map((value, i) => [xaxis.d2p(value), yaxis.d2p(y[i])]));
}"""
"""Where they belong."""
STATE = """(part) => [...document.querySelector(`[data-part="${part}"]`)
  .querySelectorAll(".main-svg :is(path, text)")]
  .map((each) => ['transform', 'd', 'x', 'y', 'class'].map((name) => each.getAttribute(name)))
  .join(' ')"""
"""Whatever plotly.js has drawn, to the letter."""


@pytest.fixture
def see(app, visit):
    """Return a function that opens the map, with the densities of two layers fetched."""

    def enter(**options):
        app.pace(0.0)
        page = visit(app, **options).page
        page.uncheck("#live input")
        show_map(page)
        page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
        page.wait_for_function(RESTS)
        for key in ("ArrowRight", "ArrowLeft"):
            step(page, key)
            page.wait_for_function(RESTS)
        return page

    return enter


def step(page, key, part="layer"):
    page.focus(f'[data-part="{part}"]')
    page.keyboard.press(key)


def choose(page, group, value):
    page.click(f'[data-part="{group}"] [data-value="{value}"]')


def tick(page, time):
    page.evaluate("time => window.tick(time)", time)


def same(found, wanted, within=0.02):
    assert len(found) == len(wanted) > 40
    for place, other in zip(found, wanted, strict=True):
        assert place == pytest.approx(other, abs=within)


def rests_right(page, part="plane"):
    """Nothing is displaced: all lies where plotly.js puts it, and where a fresh drawing does."""
    same(page.evaluate(SEEN, part), page.evaluate(RIGHT, part))
    assert page.locator(f'[data-part="{part}"] .leaving').count() == 0
    before = page.evaluate(STATE, part)
    page.evaluate('part => Plotly.redraw(document.querySelector(`[data-part="${part}"]`))', part)
    assert page.evaluate(STATE, part) == before


@pytest.fixture
def midway(see):
    """Return a function that opens the map and stops the clock half way between two layers."""

    def enter(**options):
        page = see(**options)
        page.evaluate(HELD)
        step(page, "ArrowRight")
        tick(page, 0)
        tick(page, 160)
        return page

    return enter


@pytest.mark.parametrize("chosen", ["harm", "pca", "umap"])
def test_dots_travel_from_where_they_were_seen_to_exactly_where_they_belong(see, chosen):
    page = see()
    choose(page, "maps", chosen)
    page.wait_for_function(RESTS)
    for key in ("ArrowRight", "ArrowLeft"):  # places on UMAP are asked of the server
        step(page, key)
        page.wait_for_function(RESTS)
        page.wait_for_function(
            "() => Object.keys(document.querySelector('.atlas').map.marks()).length === 5"
        )
        page.wait_for_function(RESTS)
    before = page.evaluate(SEEN, "plane")
    page.evaluate(HELD)
    step(page, "ArrowRight")
    tick(page, 0)
    end = page.evaluate(RIGHT, "plane")  # hover, axes and pictures are those of the end already
    same(page.evaluate(SEEN, "plane"), before)
    assert (
        max(
            abs(a - b)
            for old, new in zip(before, end, strict=True)
            for a, b in zip(old, new, strict=True)
        )
        > 5
    )
    tick(page, 160)
    half = [
        [(a + b) / 2 for a, b in zip(old, new, strict=True)]
        for old, new in zip(before, end, strict=True)
    ]
    same(page.evaluate(SEEN, "plane"), half)
    assert not page.evaluate(f"({RESTS})()")
    tick(page, 320)
    assert page.evaluate("window.draws") == 1
    assert page.evaluate(f"({RESTS})()")
    same(page.evaluate(SEEN, "plane"), end)
    rests_right(page)


def test_the_second_plane_travels_alike(see):
    page = see()
    page.click('[data-part="explore"]')
    page.check('[data-part="twin-on"]')
    page.wait_for_selector(
        '[data-part="twin-plane"] .tracecloud-harmful path.point', state="attached"
    )
    page.wait_for_timeout(500)
    before = page.evaluate(SEEN, "twin-plane")
    page.evaluate(HELD)
    step(page, "ArrowLeft", "twin-layer")
    tick(page, 0)
    same(page.evaluate(SEEN, "twin-plane"), before)
    end = page.evaluate(RIGHT, "twin-plane")
    tick(page, 160)
    half = [
        [(a + b) / 2 for a, b in zip(old, new, strict=True)]
        for old, new in zip(before, end, strict=True)
    ]
    same(page.evaluate(SEEN, "twin-plane"), half)
    tick(page, 320)
    rests_right(page, "twin-plane")


def test_a_map_of_another_size_in_the_middle_of_a_glide_has_its_dots_in_place(midway):
    page = midway()
    page.set_viewport_size({"width": 1100, "height": 800})
    drawn = "document.querySelector('[data-part=\"plane\"]')._fullLayout.width"
    place = "document.querySelector('[data-part=\"plane\"]').clientWidth"
    page.wait_for_function(f"() => {drawn} === {place} && {drawn} !== 0")
    tick(page, 200)
    rests_right(page)
    tick(page, 400)
    rests_right(page)
    assert page.evaluate(f"({RESTS})()")


def test_a_map_that_is_hidden_in_the_middle_of_a_glide_has_its_dots_in_place(midway):
    page = midway()
    choose(page, "views", "path")
    same(page.evaluate(SEEN, "plane"), page.evaluate(RIGHT, "plane"))
    choose(page, "views", "tokens")
    tick(page, 200)
    choose(page, "views", "map")
    tick(page, 210)
    rests_right(page)


def test_what_a_hand_zooms_in_the_middle_of_a_glide_stays_as_it_zoomed(midway):
    page = midway()
    plane = "document.querySelector('[data-part=\"plane\"]')"
    page.evaluate(f"Plotly.relayout({plane}, {{'xaxis.range': [-0.5, 0.9]}})")
    zoomed = page.evaluate(RIGHT, "plane")
    for time in (200, 320):
        tick(page, time)
        same(page.evaluate(SEEN, "plane"), zoomed)
    rests_right(page)


def test_a_held_key_draws_anew_only_when_dots_have_been_seen_to_move(see):
    page = see()
    page.evaluate(HELD)
    step(page, "ArrowRight")
    tick(page, 0)
    for time, key in ((40, "ArrowLeft"), (80, "ArrowRight"), (120, "ArrowLeft")):
        step(page, key)
        tick(page, time)
        assert page.evaluate("window.draws") == 1
    moved = page.evaluate(SEEN, "plane")
    tick(page, 160)
    assert page.evaluate("window.draws") == 2
    same(page.evaluate(SEEN, "plane"), moved)  # the second way begins where the first was left
    tick(page, 480)
    assert page.evaluate("window.draws") == 2
    rests_right(page)
