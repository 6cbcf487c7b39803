import dataclasses
from typing import get_args

import pytest

from steering.serving.status import Phase, Status, at_first
from steering.ui import text


def test_a_status_cannot_be_changed_while_somebody_reads_it():
    status = Status("loading", "m", "Reading")
    with pytest.raises(dataclasses.FrozenInstanceError):
        status.phase = "ready"


@pytest.mark.parametrize("phase", get_args(Phase))
def test_every_phase_has_words_for_whoever_waits(phase):
    status = Status(phase, "m", "What is going on")
    assert "What is going on" in text.strip(status, "M", recordings=0)
    ready = "Reading the request" in text.position_in_line(0, status)
    assert ready == (phase == "ready")


def test_an_engine_begins_idle_unless_there_is_nothing_to_load():
    assert at_first("m", has_model=True).phase == "idle"
    assert at_first("m", has_model=False).phase == "recorded"
