"""HTML is made by templates, which escape what is filled in; nothing else makes any."""

import ast
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

from steering import ui
from steering.artifacts import store
from steering.inference.comparison import Answer
from steering.sources.catalog import DEFAULT_MODEL
from steering.ui import explanation, text
from steering.ui.playground import answer_html, rendered_request
from steering.ui.results import results_section
from steering.ui.templates import NOTHING, static, template

PAGE = Path(ui.__file__).parent
MODULES = sorted(PAGE.rglob("*.py"))
WHOLE = {
    "__init__.py",  # the page's script, which is no text
}
"""Modules that put text with tags together. Add none: write a template."""
MARKUP = """<img src=x onerror="alert('1')"> </div></template> {{ 7 * 7 }} &lt;"""


def test_what_is_filled_in_is_text_unless_a_template_made_it():
    bold = template("<b>{{ words }}</b>")
    assert bold(words="<i>'\"&") == "<b>&lt;i&gt;&#39;&#34;&amp;</b>"
    assert bold(words=bold(words="<")) == "<b><b>&lt;</b></b>"
    assert bold(words=static("<hr>") + "<") == "<b><hr>&lt;</b>"
    assert bold(words=NOTHING) == "<b></b>"


def test_a_value_that_is_forgotten_is_an_error_and_not_a_gap():
    with pytest.raises(UndefinedError, match="words"):
        template("<b>{{ words }}</b>")(word="a")


def by_hand(tree: ast.Module) -> set[str]:
    """Tell how a module makes HTML otherwise than by templates that stand in it as they are."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and "escape" in {name.name for name in node.names}:
            found.add("escape")
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            made = not all(isinstance(each, ast.Constant) for each in node.args)
            if name in ("Markup", "escape") or (name in ("template", "static") and made):
                found.add(str(name))
        parts = {
            ast.JoinedStr: lambda node: node.values,
            ast.BinOp: lambda node: [node.left, node.right],
        }.get(type(node), lambda _: [])(node)
        words = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
        if re.search(r"</?[a-z]", words):
            found.add("text with tags")
    return found


def test_no_module_of_the_page_makes_html_by_hand():
    made = {
        path.relative_to(PAGE).as_posix(): found
        for path in MODULES
        if path.name != "templates.py" and (found := by_hand(ast.parse(path.read_text("utf-8"))))
    }
    assert made == {name: {"text with tags"} for name in WHOLE}


@pytest.mark.parametrize(
    "source",
    [
        "from html import escape",
        "import html; html.escape(a)",
        "f'<b>{a}</b>'",
        "'<b>' + a",
        "'<b>%s</b>' % a",
        "Markup(a)",
        "template(a)",
        "template('<b>' + a)",
        "static(f'{a}')",
    ],
)
def test_html_that_is_made_by_hand_is_found(source):
    assert by_hand(ast.parse(source))


class Read(HTMLParser):
    """What a browser makes of HTML: its elements, its text, and the values of its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.words += [value or "" for _, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def arrives_as_text(make) -> None:
    """Hold that markup changes no element, and arrives letter by letter."""
    plain, found = Read(make("plain")), Read(make(MARKUP))
    assert found.elements == plain.elements
    assert any(MARKUP in words for words in found.words)


def answer(words: str) -> Answer:
    return Answer(
        panel=words,
        text=words,
        thinking=words,
        verdict="refused",
        reason=f"refused: {words}",
        first_tokens=((words, 0.5),),
    )


@pytest.mark.parametrize("state", ["done", "writing", "recorded"])
def test_markup_in_a_request_or_an_answer_arrives_as_text(state):
    arrives_as_text(lambda words: answer_html.view(answer(words), state))
    arrives_as_text(lambda words: answer_html.view(replace(answer(words), verdict=words), state))
    arrives_as_text(lambda words: rendered_request.rendered([(words, True), (words, False)]))
    arrives_as_text(lambda words: text.note(words, detail=words))
    token = answer_html.first_tokens(answer(MARKUP).first_tokens)
    assert Read(token).elements == ["ol", "li", "code", "i", "u", "span"]


def test_markup_in_the_name_of_a_panel_a_model_or_a_file_arrives_as_text():
    document = store.evaluation(DEFAULT_MODEL)
    assert document is not None

    def board(words: str) -> str:
        panels = [
            {**panel, "panel": f"flip:{words}", "label": f"a {words}"}
            for panel in document["panels"][:2]
        ]
        return results_section.board({**document, "panels": panels}, words, words)

    arrives_as_text(board)
    arrives_as_text(lambda words: results_section.board(None, words, words))
    arrives_as_text(text.form)
    arrives_as_text(lambda words: text.form("flip", problem=f"No file: {words}"))
    arrives_as_text(
        lambda words: explanation.facts(SimpleNamespace(name=words, outline=None, model=None))
    )
