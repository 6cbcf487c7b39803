"""What the suites run, on a tiny model."""

from dataclasses import replace

import pytest

from steering import defaults
from steering.bench import suites
from steering.bench.suites import SUITE_BY_NAME, Subject
from steering.inference import prefill as reading
from steering.interventions.panel import DEFAULT_PANELS
from steering.maps.steerable_model import SteerableModel
from steering.models.capabilities import Abilities


@pytest.fixture
def subject(tiny, fitted):
    return Subject(SteerableModel(tiny, fitted), tiny, 4)


def test_the_command_line_knows_every_suite():
    others = ("start", "visitors", "gpu")  # no contenders on one loaded model
    assert (*SUITE_BY_NAME, *others) == defaults.SUITES


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("name", SUITE_BY_NAME)
def test_every_contender_runs_and_every_comparison_names_two(tiny, fitted, name, joins):
    model = replace(tiny, abilities=Abilities(joins=joins))
    made = SUITE_BY_NAME[name](Subject(SteerableModel(model, fitted), tiny, 4))
    for contender in made.contenders.values():
        contender()
    for timed in made.timed:
        assert {timed.name, timed.base} <= made.contenders.keys()
        assert timed.name != timed.base


def test_fast_runs_are_timed_where_the_model_may_have_them_and_named_missing_where_not(
    tiny, fitted, subject
):
    fast = replace(subject, fast=SteerableModel(tiny, fitted))
    made = SUITE_BY_NAME["decode"](fast)
    assert {"5 panels, fast", "6 panels, fast", "1 panel, fast"} <= made.contenders.keys()
    assert "fast products" not in made.missing
    for timed in made.timed:
        assert {timed.name, timed.base} <= made.contenders.keys()
    made.contenders["5 panels, fast"]()
    made = SUITE_BY_NAME["decode"](replace(subject, why_not_fast="it was not measured"))
    assert made.missing["fast products"] == "it was not measured"
    assert not any("fast" in name for name in made.contenders)


def test_rows_that_are_timed_are_all_computed(subject, monkeypatch):
    """A row that is a copy of another would cost nothing and flatter the table."""
    seen = []
    real = reading._Reading
    monkeypatch.setattr(
        reading,
        "_Reading",
        lambda model, rows, *rest: seen.append(len(rows)) or real(model, rows, *rest),
    )
    for contender in SUITE_BY_NAME["hooks"](subject).contenders.values():
        seen.clear()
        contender()
        assert max(seen) == len(DEFAULT_PANELS)


def test_the_request_that_is_read_is_as_long_as_it_says(subject, tiny, monkeypatch):
    monkeypatch.setattr(suites, "READ_TOKENS", 120)
    one = len(tiny.render(suites.PROMPT))
    assert 120 - one <= len(suites._long_request(tiny)) <= 120


def test_a_model_without_inlp_is_timed_with_the_panels_that_it_has(tiny, fitted):
    few = replace(fitted, inlp={})
    for make in SUITE_BY_NAME.values():
        for contender in make(Subject(SteerableModel(tiny, few), tiny, 2)).contenders.values():
            contender()
