"""Gradio's variables take the page's colours in both modes, and the style sheets need no force."""

import re

import pytest

from steering.shipped import ASSETS
from steering.ui.theme import theme

SHEETS = sorted(ASSETS.glob("*.css"))


def blocks():
    light, dark = re.split(r":root\.dark[^{]*\{", theme()._get_theme_css(), maxsplit=1)
    return {"light": light, "dark": dark}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_theme_uses_colours_that_the_page_has_in_both_modes(mode):
    used = set(re.findall(r"var\(--((?:on-)?[a-z]+(?:-strong)?)\)", blocks()[mode]))
    sheet = (ASSETS / "style.css").read_text("utf-8")
    light, dark = (
        set(
            re.findall(r"--([a-z-]+):", re.search(rf"^{start} \{{(.*?)^\}}", sheet, re.M | re.S)[1])
        )
        for start in (":root", r"\.dark")
    )
    assert {"paper", "sheet", "ink", "accent"} <= used & light & dark


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["body-background-fill", "slider-color", "border-color-primary"])
def test_no_mode_keeps_gradios_own_colour(mode, name):
    values = re.findall(rf"--{name}: ([^;]+);", blocks()[mode])
    assert values
    assert all(value.startswith("var(--") for value in values)


def test_important_is_kept_for_what_nothing_may_override():
    """What is hidden stays hidden, and what Gradio writes into an element gives way."""
    # The frame stands outside Gradio's container, whose prefix outweighs it.
    text = "".join(each.read_text("utf-8") for each in SHEETS if each.name != "frame.css")
    assert text.count("!important") <= 44


@pytest.mark.parametrize(
    ("sheet", "own"),
    [
        (
            "anatomy",
            (".harm", "#harm", ".patched", "#patch", ".anatomy", "#panel-anatomy", ".dark"),
        ),
        ("wording", (".worded", "#wording")),
    ],
)
def test_a_section_s_rules_begin_with_names_of_its_own(sheet, own):
    """All sheets are one: a rule for `.plot` here sets the height of every plot of the page."""
    rules = re.sub(r"/\*.*?\*/", "", (ASSETS / f"{sheet}.css").read_text("utf-8"), flags=re.DOTALL)
    rules = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "()", rules)  # commas inside are no ends
    heads = re.findall(r"(?:^|[{}])\s*([^{}@;]+)\{", rules)
    begun = [each.strip() for head in heads for each in head.split(",")]
    assert len(begun) > 20
    assert [each for each in begun if not each.startswith(own)] == []


def test_no_rule_chooses_among_elements_in_a_list_that_gradio_prefixes():
    """Gradio sets its own classes before every comma's part of a selector, those in `:is()` too.

    A list of elements then weighs as much as three classes more, and rules meant to override it,
    such as the room around a note, did not.
    """
    for each in SHEETS:
        rules = re.sub(r"/\*.*?\*/", "", each.read_text("utf-8"), flags=re.DOTALL)
        for found in re.findall(r"[\w.\])] ?:is\(([^()]*)\)", rules):
            parts = [part.strip() for part in found.split(",")]
            assert len(parts) == 1 or not all(re.fullmatch(r"[a-z]\w*", part) for part in parts), (
                f"{each.name}: write :is({found}) out"
            )
