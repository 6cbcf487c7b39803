"""The section over the tiny model: what it shows, and where it places a request."""

from types import SimpleNamespace

import pytest

from steering.errors import SteeringError
from steering.interventions.panel import Panel
from steering.ui.anatomy import harm_section
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, Setting
from tests.helpers.engines import ready
from tests.helpers.harm_documents import harm_document

VISITOR = SimpleNamespace(session_hash="a")


@pytest.fixture
def placing(tiny, fitted):
    return ready(tiny, fitted, harm=lambda _name: harm_document(width=tiny.d_model))


def asked(engine, prompt: str = "What is red?") -> Asked:
    panels = {"baseline": Panel("baseline"), "flip": Panel("flip"), "own": Panel("actadd")}
    return Asked(
        prompt,
        {
            slot: Setting(
                slot, slot != "own", panel.name, card_settings.start(panel, engine.directions)
            )
            for slot, panel in panels.items()
        },
    )


def test_where_nothing_was_measured_the_command_is_named(engine):
    assert f"harm --model {engine.name}" in harm_section.board_of(engine)
    with pytest.raises(SteeringError, match="not measured"):
        harm_section.located(engine, asked(engine), VISITOR)


def test_a_request_is_placed_under_every_card_that_is_on(placing):
    request = asked(placing)
    _, marks = harm_section.located(placing, request, VISITOR)
    assert [mark.slot for mark in marks] == list(request.chosen)
    board, said = harm_section.placed(placing, request, VISITOR)
    assert board.count('class="mine ') == len(marks)
    assert "Your request, Baseline" in board
    assert "Placed under 2 cards" in said
    assert placing.reading.acquire(timeout=0)
    placing.reading.release()


def test_a_mistake_is_an_error_of_its_own(placing):
    with pytest.raises(SteeringError, match="request is empty"):
        harm_section.placed(placing, asked(placing, " "), VISITOR)


def test_on_a_public_host_places_count_as_runs_do(placing):
    placing.allowance.per_minute = 1
    harm_section.located(placing, asked(placing), VISITOR)
    with pytest.raises(SteeringError, match="1 runs a minute"):
        harm_section.placed(placing, asked(placing), VISITOR)
