import base64
from types import SimpleNamespace

import pytest

from steering.errors import SteeringError
from steering.ui.anatomy import wording_section
from steering.ui.playground.asked import Asked
from tests.helpers.engines import ready
from tests.helpers.wordings import made as wording_document

VISITOR = SimpleNamespace(session_hash="a")


@pytest.fixture
def placing(tiny, fitted, charted):
    return ready(
        tiny, fitted, maps=lambda _name: charted, wordings=lambda _name: wording_document()
    )


def test_where_nothing_was_measured_the_command_is_named(made, engine):
    section = made.anatomy.wordings
    shown = wording_section.anew(section, engine)
    assert f"wordings --model {engine.name}" in shown[section.rates]
    assert shown[section.board] == shown[section.below] == ""
    with pytest.raises(SteeringError, match="not measured"):
        wording_section.located(engine, Asked("What is red?", {}), VISITOR)


def test_a_request_is_placed_in_the_wordings_that_are_made_by_rule(placing, monkeypatch):
    read = []
    model = type(placing.model)
    plain = model.render

    def render(self, text, **named):
        read.append(text)
        return plain(self, text, **named)

    monkeypatch.setattr(model, "render", render)
    _, marks = wording_section.located(placing, Asked("What is red?", {}), VISITOR)
    assert [mark.name for mark in marks] == ["its own words", "role play", "Base64"]
    assert read[0] == "What is red?"
    assert "“What is red?”" in read[1]
    assert base64.b64decode(read[2]).decode() == "What is red?"
    assert all(len(mark.at) == 2 for mark in marks)
    board, said = wording_section.placed(placing, Asked("What is red?", {}), VISITOR)
    assert board.count('class="mine"') == 3
    assert "in Base64" in board
    assert "Placed in 3 wordings" in said
    assert placing.reading.acquire(timeout=0)
    placing.reading.release()


def test_a_mistake_is_an_error_of_its_own(placing):
    with pytest.raises(SteeringError, match="request is empty"):
        wording_section.placed(placing, Asked(" ", {}), VISITOR)
