import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from steering.maps.steerable_model import SteerableModel
from steering.shipped import ASSETS
from steering.ui.playground import ended_runs
from steering.ui.playground.run_page import run_page
from tests.helpers.ended import ended

EVIL = "<img src=x onerror=\"alert('1')\"></template></script>{{ 7 * 7 }} &lt;"


class Elements(HTMLParser):
    """The elements of a page, as a browser makes them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def page_of(run, words: str) -> str:
    """The page of a run in which all that came from outside says the same."""
    said = {
        slot: [replace(each, request=words, answer=replace(each.answer, text=words, reason=words))]
        for slot, each in run.said.items()
    }
    asked = replace(run.asked, prompt=words, system=words)
    conditions = {**run.conditions, "number_format": words, "weights": {"source": words}}
    run = replace(run, asked=asked, talks=said, model=words, conditions=conditions)
    return str(run_page(ended_runs.document(run), "run.html"))


@pytest.fixture(scope="module")
def run(tiny, fitted):
    return ended(SteerableModel(tiny, fitted))


def test_all_that_is_written_on_it_is_text(run):
    plain, evil = (Elements(page_of(run, words)).found for words in ("plain", EVIL))
    assert [tag for tag, _ in plain] == [tag for tag, _ in evil]
    assert page_of(run, EVIL).count("&lt;img src=x") > 5


def test_it_needs_nothing_but_itself(run):
    found = Elements(page_of(run, EVIL)).found
    assert not {tag for tag, _ in found} & {"script", "link", "img", "iframe", "object"}
    assert not {name for _, each in found for name in each} & {"src", "href", "onclick", "onload"}
    style = (ASSETS / "run.css").read_text("utf-8")
    assert not re.search(r"url\(|@import", style)
    # As it stands in the file: there was nothing to escape.
    assert f"<style>{style}</style>" in page_of(run, "plain")
    assert "prefers-color-scheme: dark" in style


def test_it_holds_what_was_asked_what_was_said_and_how(run):
    document = ended_runs.document(run)
    page = str(run_page(document, "run-1.html"))
    for word in ("Baseline", "Counterfactual flipping", "flip", "float32", "max new tokens 6"):
        assert word in page
    assert "python -m steering replay run-1.html" in page
    assert document["conditions"]["directions"] in page
    assert document["ended"] in page
    (data,) = re.findall('<template id="run">(.*?)</template>', page, re.DOTALL)
    assert json.loads(unescape(data)) == json.loads(json.dumps(document))


def test_what_is_not_known_is_left_out(run):
    document = ended_runs.document(replace(run, conditions=None, ended=None))
    page = str(run_page(document, "run.html"))
    assert "<dt>Directions</dt>" not in page
    assert "when is not noted" in page
    assert "None" not in page.split("<template")[0]


def test_a_conversation_stands_on_it_in_its_order(run):
    (first,) = run.talks["flip"]
    second = replace(first, request="And then?", answer=replace(first.answer, text="More words"))
    page = str(run_page(ended_runs.document(replace(run, talks={"flip": (first, second)})), "r"))
    page = page.split("<main>")[1].split("</main>")[0]
    places = [page.index(word) for word in (">Hi<", "And then?", "More words")]
    assert places == sorted(places)
