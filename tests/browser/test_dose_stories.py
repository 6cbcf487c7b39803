"""What a visitor sees and can do on the tabs and in the dose figures, with a tiny random model."""

import csv
import io

import pytest

from steering.sweep.sweep_table import SWEEP_COLUMNS
from tests.helpers.contrast import faint
from tests.helpers.stage import open_models, show_map

pytestmark = pytest.mark.browser

THERE = "() => document.querySelector('.doses')?.doses?.there()"
PLACE = """([figure, index]) => {
  const { spots, pixels, cell } = document.querySelector('.doses').doses;
  const plot = document.querySelector(`[data-figure="${figure}"] .plot`);
  plot.scrollIntoView({ block: 'center' });
  const box = plot.getBoundingClientRect();
  const [x, y] = pixels(figure, spots(figure)[index]);
  return [box.left + x, box.top + y, cell(spots(figure)[index].cell).form];
}"""
TAB = "() => document.documentElement.dataset.tab"
ROWS = "document.querySelector('.doses').doses"
TEXTS = """
  #tab-dose, #tab-results, .doses h2, .doses .intro p, .doses h3, .doses .says, .doses .says b,
  .doses .choice button, .doses .legend span, .doses footer button, .doses footer .n,
  .doses .measured, .doses .names .who, .doses .names .control .who, .doses .names .value,
  #dose-said span, #dose-said a
"""


@pytest.fixture
def see(app, visit):
    """Return a function that opens the dose tab and waits until the figures are there."""

    def enter(**options):
        app.pace(0.0)
        visitor = visit(app, **options)
        visitor.page.click("#tab-dose")
        visitor.page.wait_for_function(THERE)
        return visitor.page

    return enter


def form(page, slot):
    return page.get_attribute(f"#card-{slot} [data-copy]", "data-copy")


def wait_form(page, slot, text):
    page.wait_for_selector(f'#card-{slot} [data-copy="{text}"]', state="attached")


def click(page, figure, index):
    x, y, wanted = page.evaluate(PLACE, [figure, index])
    page.mouse.click(x, y)
    return wanted


def test_a_click_on_a_square_sets_the_card_and_starts_no_run(see):
    page = see()
    assert page.locator('[data-figure="heat"] .heatmaplayer image').count() == 1
    ran = page.evaluate("document.querySelector('#card-flip .view').dataset.state")
    # k=1, alpha 0.5: the second row from below.
    ranks = page.evaluate(f"new Set({ROWS}.spots('heat').map((s) => s.x)).size")
    wanted = click(page, "heat", ranks)
    assert wanted == "flip:k=1,alpha=0.5"
    wait_form(page, "flip", wanted)
    page.wait_for_selector("#dose-said p")
    said = page.inner_text("#dose-said")
    assert "The card Counterfactual flipping is now set to k=1, α=0.5." in said
    # The tab is not changed by force, and nothing was run where nobody looks.
    assert page.evaluate(TAB) == "dose"
    page.wait_for_timeout(2500)
    assert page.evaluate("document.querySelector('#card-flip .view').dataset.state") == ran
    ring = page.evaluate("document.querySelector('[data-figure=heat] .plot').layout.shapes[0]")
    assert (ring["x0"], ring["y0"]) == (pytest.approx(-0.49), pytest.approx(0.51))
    page.click("#dose-said a")
    assert page.evaluate(TAB) == "playground"
    assert page.input_value("#card-flip .dial-alpha input[type=number]") == "0.5"


def test_arrow_keys_reach_every_square_and_enter_sets_the_card(see):
    page = see()
    page.focus('[data-figure="heat"] .plot')
    page.keyboard.press("ArrowRight")
    live = page.locator('.doses [data-part="live"]')
    # The first key shows where one is: at the square that the card is set to.
    assert live.text_content().startswith("Counterfactual flipping (k=2)")
    page.keyboard.press("ArrowDown")
    assert live.text_content().startswith("Counterfactual flipping (k=2, α=1.5)")
    assert "n = 6 a class" in live.text_content()
    page.keyboard.press("ArrowLeft")
    assert live.text_content().startswith("Counterfactual flipping (k=1, α=1.5)")
    assert page.locator('[data-figure="heat"] .hovertext').count() == 1
    assert page.locator('[data-figure="heat"] .cursor').is_visible()
    page.keyboard.press("Enter")
    wait_form(page, "flip", "flip:k=1,alpha=1.5")
    spots = page.evaluate(f"{ROWS}.spots('heat').length")
    page.keyboard.press("Home")
    reached = set()
    for row in range(7):
        for key in ["ArrowRight"] * 8 if row % 2 == 0 else ["ArrowLeft"] * 8:
            reached.add(live.text_content())
            page.keyboard.press(key)
        reached.add(live.text_content())
        page.keyboard.press("ArrowUp")
    assert len(reached) == spots


def test_a_card_that_is_off_is_switched_on_and_a_control_goes_to_the_own_card(see):
    page = see()
    assert not page.is_checked("#card-own .switch input")
    page.click('.doses [data-part="names"] li.random:has-text("subspaces") button')
    page.wait_for_selector("#dose-said p")
    wait_form(page, "own", "flip:basis=random")
    assert page.is_checked("#card-own .switch input")
    assert "Your own edit (Counterfactual flipping)" in page.inner_text("#dose-said")
    page.click('.doses [data-part="names"] li.baseline button')
    page.wait_for_function(
        "document.querySelector('#dose-said').innerText.includes('has no settings')"
    )


def test_each_dial_has_its_curves_and_a_click_sets_the_card_of_the_line(see):
    page = see()
    names = {"k": "Nullspace projection", "c": "Activation addition", "alpha": "Directional"}
    for dial, name in (names | {"layer": "Ablation at one layer"}).items():
        page.click(f'[data-part="dial"] [data-value="{dial}"]')
        assert name in page.inner_text('[data-figure="curves"] [data-part="legend"]')
        pressed = page.get_attribute(f'[data-part="dial"] [data-value="{dial}"]', "aria-pressed")
        assert pressed == "true"
    page.click('[data-part="dial"] [data-value="c"]')
    wanted = click(page, "curves", 0)
    assert wanted == "actadd:c=-3"
    wait_form(page, "actadd", wanted)
    band = page.evaluate(
        "document.querySelector('[data-figure=curves] .plot').data.filter((t) => t.fill).length"
    )
    assert band == 2


def test_the_dashed_line_is_the_mean_of_the_random_subspaces_alone(see, tmp_path):
    page = see()
    page.click('[data-part="dial"] [data-value="k"]')
    with page.expect_download() as download:
        page.click('[data-figure="frontier"] [data-save="csv"]')
    download.value.save_as(tmp_path / "all.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8"))))
    drawn = [float(row["kl"]) for row in rows if "random subspace" in row["label"]]
    assert len(drawn) == 5
    at = page.evaluate(
        """document.querySelector('[data-figure=curves] .plot').layout.shapes
        .find(({ line, yref }) => line.dash === 'dash' && yref === 'y2').y0"""
    )
    # The axis of KL is logarithmic from .02 on, and the page gets four digits.
    assert 0.02 * (10**at - 1) == pytest.approx(sum(drawn) / 5, rel=2e-3)


def test_the_colour_shows_what_is_chosen(see):
    page = see()
    first = "document.querySelector('[data-figure=heat] .plot').data[0].z[6]"
    shown = {}
    for measure in ("harmful_rate", "harmful_score", "harmless_rate", "kl", "perplexity"):
        page.click(f'[data-part="measure"] [data-value="{measure}"]')
        shown[measure] = page.evaluate(first)
    assert len({str(each) for each in (shown["harmful_score"], shown["kl"])}) == 2
    told = page.evaluate(f"{ROWS}.cell({ROWS}.spots('heat').at(-1).cell).told")
    said = f"{shown['harmful_score'][-1]:.1f}".replace("-", "−")
    assert f"refusal score, harmful {said} [" in told


def test_named_points_and_what_is_taken_away(see, tmp_path):
    page = see()
    names = page.locator('.doses [data-part="names"] li')
    assert "baseline" in names.nth(0).inner_text()
    # Three additions, two ablations, nullspace, flipping; seeds of a control share a line.
    assert page.locator('.doses [data-part="names"] li.paper').count() == 7
    assert page.locator('.doses [data-part="names"] li.random').count() == 2
    with page.expect_download() as download:
        page.click('[data-figure="frontier"] [data-save="csv"]')
    download.value.save_as(tmp_path / "all.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8"))))
    assert list(rows[0]) == list(SWEEP_COLUMNS)
    assert {row["label"] for row in rows} >= {"baseline", "counterfactual flipping"}
    starts = {"png": b"\x89PNG", "svg": b"<svg"}
    for figure in ("heat", "curves", "frontier"):
        for ending, start in starts.items():
            with page.expect_download() as download:
                page.click(f'[data-figure="{figure}"] [data-save="{ending}"]')
            assert download.value.suggested_filename.endswith(f"-{figure}.{ending}")
            download.value.save_as(tmp_path / "picture")
            assert (tmp_path / "picture").read_bytes().startswith(start)


def test_costs_are_shown_against_questions_and_what_was_not_asked_cannot_be_chosen(see):
    page = see()
    known = page.locator('.doses [data-part="known"]')
    assert not known.is_visible()
    assert page.is_disabled('[data-part="against"] [data-value="code"]')  # nothing of it is known
    dots = page.evaluate(f"{ROWS}.spots('frontier').length")
    page.click('[data-part="against"] [data-value="questions"]')
    page.wait_for_function(THERE)
    assert "4 of" in known.inner_text()
    assert "1 more were asked but have no measured dose" in known.inner_text()
    spots = page.evaluate(f"{ROWS}.spots('frontier')")
    assert sorted(spot["x"] for spot in spots) == [0.3, 0.4, 0.45, 0.5]
    assert len(spots) < dots
    flipping = page.locator('.doses [data-part="names"] li.paper', has_text="flipping")
    assert "30 %" in flipping.first.inner_text()
    lines = page.evaluate("document.querySelector('[data-figure=frontier] .plot').layout.shapes")
    assert [(line["x0"], line["line"]["dash"]) for line in lines] == [(0.25, "dash"), (0.5, "dot")]
    page.wait_for_selector('[data-figure="frontier"] .annotation:has-text("flipping")')
    index = next(i for i, spot in enumerate(spots) if spot["x"] == 0.4)
    wanted = click(page, "frontier", index)
    assert wanted == "flip:k=1"
    wait_form(page, "flip", wanted)
    page.click('[data-part="against"] [data-value="kl"]')
    assert not known.is_visible()
    assert page.evaluate(f"{ROWS}.spots('frontier').length") == dots


def test_a_model_without_doses_says_which_command_makes_them(app, visit):
    app.pace(0.0)
    page = visit(app).page
    for name, words in (("Unswept", "python -m steering sweep --model unswept"), ("Tiny", "")):
        open_models(page)
        page.click(f"[role=option]:has-text('{name}')")
        page.wait_for_function(f"document.querySelector('.strip b').innerText === '{name}'")
        page.click("#tab-dose")
        if words:
            page.wait_for_selector(f".doses [data-part=status]:has-text('{words}')")
            assert not page.locator(".doses .figures").is_visible()
        else:
            page.wait_for_selector(".doses .figures")
            page.wait_for_function(THERE)
        page.click("#tab-playground")
    page.wait_for_selector('.strip[data-phase="ready"]')


def test_nothing_is_asked_for_before_the_tab_is_seen(app, visit):
    visitor = visit(app)
    page = visitor.page
    asked = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.wait_for_timeout(1500)
    assert not page.evaluate(THERE)
    assert not any('"doses"' in each for each in asked)
    page.click("#tab-dose")
    page.wait_for_function(THERE)
    assert any('"doses"' in each for each in asked)


def test_what_the_server_does_not_answer_is_said_and_is_not_taken_for_nothing(app, visit):
    page = visit(app, viewport={"width": 390, "height": 844}).page

    def lost(route):
        asked = route.request.post_data or ""
        route.abort() if '"cloud"' in asked or '"doses"' in asked else route.continue_()

    page.route("**/component_server/**", lost)
    page.route("**/component_server", lost)
    show_map(page)
    page.wait_for_selector(".atlas [data-part=status]:has-text('could not be fetched')")
    page.click("#tab-dose")
    page.wait_for_selector(".doses :text('could not be fetched')")


def test_the_maps_plot_and_its_zoom_survive_a_change_of_tabs(app, visit):
    page = visit(app).page
    rests = "() => document.querySelector('.atlas').map.rests()"
    page.uncheck("#live input")
    show_map(page)
    page.wait_for_selector(".places li[data-slot=flip]:not([hidden])")
    page.wait_for_function(rests)
    page.evaluate("document.querySelector('[data-part=\"plane\"] svg').dataset.mine = 'yes'")
    box = page.locator('[data-part="plane"]').bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 200, steps=4)
    page.mouse.up()
    page.wait_for_selector('[data-part="whole"]:not([hidden])')
    zoom = (
        "(({ xaxis, yaxis, width }) => [...xaxis.range, ...yaxis.range, width])"
        "(document.querySelector('[data-part=\"plane\"]')._fullLayout)"
    )
    before = page.evaluate(zoom)
    mark = "document.querySelector('.atlas').map.marks().flip[0]"
    was = page.evaluate(mark)
    page.click("#tab-dose")
    page.wait_for_function(THERE)
    wanted = click(page, "heat", 0)
    wait_form(page, "flip", wanted)
    page.wait_for_function(f"document.querySelector('.atlas').map.form('flip') === '{wanted}'")
    page.click("#tab-playground")
    page.wait_for_function(rests)
    page.wait_for_timeout(500)
    assert page.evaluate(zoom) == pytest.approx(before)
    assert page.locator('[data-part="plane"] svg[data-mine="yes"]').count() == 1
    # The marker has followed meanwhile: without an edit it lies where the baseline does.
    assert page.evaluate(mark) != was
    assert page.evaluate(mark) == page.evaluate(mark.replace("flip", "baseline"))


def test_tabs_have_an_address_a_keyboard_and_names(app, visit):
    page = visit(app).page
    selected = (
        "[...document.querySelectorAll('#tabs [role=tab]')]"
        ".map((t) => [t.ariaSelected, t.tabIndex])"
    )
    assert page.evaluate(selected) == [["true", 0], *[["false", -1]] * 4]
    page.focus("#tab-playground")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-dose"
    assert page.url.endswith("#dose")
    assert page.is_visible("#panel-dose")
    assert not page.is_visible("#panel-playground")
    panel = page.locator("#panel-dose")
    assert panel.get_attribute("role") == "tabpanel"
    assert panel.get_attribute("aria-labelledby") == "tab-dose"
    page.keyboard.press("End")
    assert page.is_visible("#panel-contrast")
    page.go_back()
    assert page.evaluate(TAB) == "dose"
    # The explanation opens over whichever tab is open, by its button and by its address.
    page.click("#how [data-drawer]")
    page.wait_for_selector("#lesson .lesson")
    page.keyboard.press("Escape")
    assert not page.is_visible("#lesson")
    assert page.evaluate("document.activeElement.dataset.drawer") == "lesson"
    page.evaluate("location.hash = 'lesson'")
    page.wait_for_selector("#lesson .lesson")
    assert page.evaluate(TAB) == "dose"


def test_a_link_to_a_tab_opens_it(app, visit):
    page = visit(app).page
    for name in ("results", "dose"):
        page.goto("about:blank")
        page.goto(f"{app.url}#{name}")
        page.wait_for_selector(f"#panel-{name}")
        assert page.evaluate(TAB) == name
        assert not page.is_visible("#panel-playground")
    page.wait_for_function(THERE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 720), (1440, 900)])
def test_the_figures_fit_the_screen_and_their_texts_have_contrast(see, scheme, size):
    page = see(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    click(page, "heat", 0)
    page.wait_for_selector("#dose-said p")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert not faint(page, TEXTS)
    drawn = "document.querySelector('[data-figure=heat] .plot')._fullLayout.width"
    place = "document.querySelector('[data-figure=heat] .board').clientWidth"
    page.set_viewport_size({"width": size[0] - 40, "height": size[1]})
    page.wait_for_function(f"{drawn} === {place}")
