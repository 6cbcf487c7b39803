import logging

import pytest

from steering.system.progress import Step
from steering.system.progress_log import logged


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def lines():
    handler, logger = Lines(), logging.getLogger("test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: handler.texts
    logger.removeHandler(handler)


def test_a_download_is_a_line_for_every_tenth_and_every_step_is_passed_on(lines):
    seen = []
    report = logged(seen.append, logging.getLogger("test"))
    steps = [
        Step("Downloading", done, 491_000_000, "B") for done in range(0, 491_000_001, 1_000_000)
    ]
    for step in steps:
        report(step)
    assert seen == steps
    assert len(lines()) == 11
    assert lines()[0] == "Downloading: 0 of 491 MB"
    assert lines()[-1] == "Downloading: 491 of 491 MB"


def test_steps_that_are_only_named_are_a_line_each_and_not_one_for_every_report(lines):
    report = logged(lambda _: None, logging.getLogger("test"))
    for label in ("Reading", "Reading", "Converting", "Converting", "Reading"):
        report(Step(label, 0, 0, "step"))
    assert lines() == ["Reading", "Converting", "Reading"]


def test_few_counted_steps_are_a_line_each(lines):
    report = logged(lambda _: None, logging.getLogger("test"))
    for done in range(4):
        report(Step("Converting", done, 3, "step"))
    assert lines() == [f"Converting: {done} of 3" for done in range(4)]
