"""The table of results in a real browser: sorted, switched, opened, and taken away."""

import csv
import json

import pytest

from tests.helpers import tiny_evaluations
from tests.helpers.contrast import faint
from tests.helpers.stage import open_models

pytestmark = pytest.mark.browser

FORMS = """() => [...document.querySelectorAll('.results tbody[data-order]')]
  .map(body => body.querySelector('code')?.innerText)"""
FIRST = [each["panel"] for each in tiny_evaluations.document()["panels"]][:9]
TEXTS = """
  .results h2, .results header p, .results .claim h4, .results .claim .plain,
  .results .chip.supported, .results .chip.not-supported, .results .chip.undecided,
  .results thead button, .results tbody small, .results tbody b, .results .who code,
  .results .control .words, .results .control b, .results .tag, .results .tag.best,
  .results .details dt, .results .details dd, .results .below dd, .results .made,
  .results .by [aria-pressed=true], .results .by [aria-pressed=false], .results [data-file]
"""


@pytest.fixture
def table(app, visit):
    """A visitor's page on which the table is in sight."""
    page = visit(app, ready=False).page
    page.click("#tab-results")
    page.locator('[aria-label="Table of results"] table').scroll_into_view_if_needed()
    return page


def order(page) -> list[str]:
    return page.evaluate(FORMS)


def sorting(page) -> dict[str, str]:
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.results th[aria-sort]')]
        .map(head => [head.querySelector('[data-sort]').dataset.sort, head.ariaSort]))"""
    )


def rates(page, group: str, rule: str) -> list[float]:
    return page.evaluate(
        """name => [...document.querySelectorAll('.results tbody[data-order]')]
        .map(body => Number(body.getAttribute(name)))""",
        f"data-{group}-{rule}",
    )


def test_a_click_sorts_up_then_down_then_as_it_was(table):
    assert order(table)[:9] == FIRST
    head = "[data-sort=harmful]"
    table.click(head)
    assert sorting(table)["harmful"] == "ascending"
    # The tables below it keep their rows.
    others = table.locator(".results details table:not(:has([data-order])) tbody")
    assert others.count() == table.locator(".results details table").count() > 0
    assert rates(table, "harmful", "refusal") == sorted(rates(table, "harmful", "refusal"))
    table.click(head)
    assert sorting(table)["harmful"] == "descending"
    assert order(table)[0] == "actadd:c=2"
    table.click(head)
    assert set(sorting(table).values()) == {"none"}
    assert order(table)[:9] == FIRST


def test_the_keyboard_sorts_and_keeps_its_place(table):
    table.focus("[data-sort=kl]")
    table.keyboard.press("Enter")
    assert sorting(table)["kl"] == "ascending"
    table.keyboard.press("Space")
    assert sorting(table)["kl"] == "descending"
    assert order(table)[0] == "actadd:c=2"
    assert table.evaluate("document.activeElement.dataset.sort") == "kl"
    said = table.inner_text(".results > [role=status]")
    assert said == "Rows by KL, highest first."
    table.focus("[data-sort=perplexity]")
    table.keyboard.press("Enter")
    assert sorting(table)["kl"] == "none"


def test_refusals_can_be_counted_by_the_substring_rule_and_stay_sorted(table):
    shown = ".results tbody.baseline td.rate >> nth=0"
    assert table.inner_text(shown).startswith("0.59")
    table.click("[data-sort=harmless]")
    table.click("[data-by=substring]")
    assert table.inner_text(shown).startswith("0.60")
    assert table.get_attribute("[data-by=substring][aria-pressed]", "aria-pressed") == "true"
    assert rates(table, "harmless", "substring") == sorted(rates(table, "harmless", "substring"))
    assert sorting(table)["harmless"] == "ascending"


def test_the_seeds_of_the_random_control_open_stay_together_and_close(table):
    opener = '[aria-label^="Show each seed of random subspace of rank 2"]'
    seed = '.results [data-copy="random:k=2,seed=4"]'
    assert not table.is_visible(seed)
    table.click(opener)
    assert table.get_attribute(opener, "aria-expanded") == "true"
    assert table.is_visible(seed)
    table.click("[data-sort=harmful]")
    together = table.evaluate(
        """seed => [...document.querySelector(seed).closest('tbody').querySelectorAll('code')]
        .map(code => code.innerText)""",
        seed,
    )
    assert together == [f"random:k=2,seed={number}" for number in range(5)]
    table.click('[aria-label="Details of random subspace of rank 2, 4"]')
    table.click(opener)
    assert not table.is_visible(seed)
    assert table.locator(".results .details:visible").count() == 0


def test_details_open_on_demand_with_the_paired_difference(table):
    opener = '[aria-label="Details of counterfactual flipping"]'
    assert table.locator(".results .details:visible").count() == 0
    table.focus(opener)
    table.keyboard.press("Enter")
    shown = table.inner_text(".results .details:visible")
    assert "−0.38 [−0.49, −0.26]" in shown
    assert "exact McNemar p < 0.001" in shown
    table.keyboard.press("Enter")
    assert table.locator(".results .details:visible").count() == 0


def test_the_files_hold_what_was_measured(table, tmp_path):
    contents = {}
    for kind in ("csv", "md", "json", "bib"):
        with table.expect_download() as started:
            table.click(f".results [data-file={kind}]")
        assert started.value.suggested_filename == f"refusal-results-tiny.{kind}"
        started.value.save_as(tmp_path / kind)
        contents[kind] = (tmp_path / kind).read_text("utf-8")
    assert json.loads(contents["json"]) == tiny_evaluations.document()
    rows = list(csv.DictReader(contents["csv"].splitlines()))
    assert len(rows) == len(tiny_evaluations.document()["panels"])
    assert rows[0]["harmful.refusal_rate"] == "0.5875"
    assert "| `ablation` | directional ablation | paper, **best** |" in contents["md"]
    assert contents["bib"].startswith("@misc{refusal-steering-tiny,")


def test_a_text_form_is_copied(table):
    table.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: "
        "async text => { window.copied = text; }}})"
    )
    table.click('.results [data-copy="flip:k=11"]')
    assert table.evaluate("window.copied") == "flip:k=11"


def choose(page, title: str) -> None:
    page.click("#tab-playground")
    open_models(page)
    page.locator("[role=option]").filter(has_text=title).click()
    page.click("#tab-results")


def test_results_follow_the_model_and_hostile_texts_stay_texts(unloaded, visit):
    visitor, other = (visit(unloaded, ready=False) for _ in range(2))
    page = visitor.page
    for each in (page, other.page):
        each.click("#tab-results")
        each.wait_for_selector(".results table")
    choose(page, "Unswept")
    page.wait_for_selector(".results .absent")
    assert "python -m steering evaluate --model unswept" in page.inner_text(".results")
    assert page.locator(".results table").count() == 0
    # The model changes for everybody.
    other.page.wait_for_selector(".results .absent")
    choose(page, "Shy")
    page.wait_for_selector(".results .hardly")
    assert "Shy hardly refuses" in page.inner_text(".results .hardly")
    choose(page, "<img")
    page.wait_for_selector(".results tbody[data-order='12']")
    page.wait_for_function("document.querySelector('.results header')?.innerText.includes('<img')")
    assert page.locator(".results img, .results script").count() == 0
    assert "<img src=x" in page.inner_text(".results .claims")
    with page.expect_download() as started:
        page.click(".results [data-file=csv]")
    assert ".csv" in started.value.suggested_filename
    assert page.title() == "Refusal Steering Playground"
    # A visitor who comes later sees the model of now.
    late = visit(unloaded, ready=False).page
    late.click("#tab-results")
    late.wait_for_function("document.querySelector('.results header')?.innerText.includes('<img')")


def test_what_a_visitor_has_sorted_and_opened_outlives_the_clock(table):
    table.click("[data-sort=kl]")
    table.click('[aria-label="Details of directional ablation"]')
    table.wait_for_timeout(6500)
    assert sorting(table)["kl"] == "ascending"
    assert table.locator(".results .details:visible").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 720), (1440, 900)])
def test_the_table_fits_and_its_texts_have_contrast(app, visit, scheme, size):
    page = visit(
        app, ready=False, color_scheme=scheme, viewport={"width": size[0], "height": size[1]}
    ).page
    page.click("#tab-results")
    page.click('[aria-label="Details of counterfactual flipping"]')
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    box = page.evaluate(
        "(e => [e.clientWidth, e.scrollWidth])(document.querySelector('.results .scroll'))"
    )
    if size[0] > 390:
        assert box[0] == box[1]
    else:
        assert box[0] < box[1]
        page.evaluate("document.querySelector('.results .scroll').scrollLeft = 300")
        # The names stay in sight.
        left = page.evaluate("document.querySelector('.results th.who').getBoundingClientRect().x")
        assert 0 <= left < 40
    assert not faint(page, TEXTS)
