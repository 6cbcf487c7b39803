from html.parser import HTMLParser

import pytest

from steering.errors import SteeringError
from steering.serving.engine import Engine, Supply
from steering.ui.results import results_section
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, SHY, board

VOID = {"path", "br", "circle", "rect"}


class Balance(HTMLParser):
    """Fails where a tag is closed that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("document", [DOCUMENT, SHY, tiny_evaluations.hostile(), None])
def test_every_tag_that_is_opened_is_closed(document):
    parser = Balance()
    parser.feed(board(document))
    assert parser.open == []


def test_every_text_of_the_document_is_escaped():
    shown = board(tiny_evaluations.hostile(), tiny_evaluations.EVIL, tiny_evaluations.EVIL)
    assert "<img" not in shown
    assert "&lt;img src=x" in shown
    assert "</script" not in shown
    assert 'onerror="' not in shown


def test_the_engine_s_model_decides_what_is_shown():
    def missing(*_arguments):
        raise SteeringError("not in this test")

    documents = {"tiny": DOCUMENT, "shy": SHY}
    supply = Supply(
        missing,
        lambda _name: None,  # type: ignore[arg-type, return-value]
        lambda _name: (),
        {"tiny": "Tiny", "shy": "Shy"},
        evaluation=documents.get,
    )
    engine = Engine("tiny", supply)
    assert "<b>Tiny</b>" in results_section.board_of(engine)
    engine.choose("shy")
    assert "Shy hardly refuses" in results_section.board_of(engine)
