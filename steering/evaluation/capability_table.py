"""Capability by panel, with intervals, beside how much each refuses: the front of both.

A panel is on the front if no other one refuses harmful requests as little and knows more, or knows
as much and refuses less. The front is of estimates; whether two panels differ is for intervals.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from steering.artifacts.capability_document import (
    CAPABILITY_SCHEMA,
    CapabilityDocument,
    CapabilityPanel,
    CapabilityRate,
)
from steering.artifacts.evaluation_document import EvaluationDocument, rates_of
from steering.data.questions import Question
from steering.evaluation.capability import QuestionAnswer
from steering.formatting import table, with_interval
from steering.intervals import IntervalEntry, mean_interval, paired_difference, wilson
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse

HEAD: Final = (
    *("panel", "questions right", "change from baseline", "code right", "harmful refused"),
    "on the front",
)


def document(
    model: str,
    source: str,
    questions: Sequence[Question],
    answered: Mapping[Panel, Sequence[QuestionAnswer]],
    refused: Mapping[Panel, IntervalEntry],
) -> CapabilityDocument:
    """Return what was measured, with intervals.

    Args:
        model: Its name.
        source: Of the questions, with its hash.
        questions: In their order.
        answered: What each panel made of them, the baseline first.
        refused: How much a panel refuses of harmful requests, where that is known.
    """
    baseline = next(iter(answered.values()))
    rows = [
        _panel(panel, questions, found, None if found is baseline else baseline, refused)
        for panel, found in answered.items()
    ]
    _mark_front(rows)
    return {"schema": CAPABILITY_SCHEMA, "model": model, "source": source, "panels": rows}


def refusals(
    stored: EvaluationDocument | None, panels: Sequence[Panel], directions: Directions
) -> dict[Panel, IntervalEntry]:
    """Return how much panels refuse of harmful requests, as the stored comparison has it."""
    known = {
        parse(entry["panel"]).resolved(directions): rates
        for entry in (stored["panels"] if stored else ())
        if (rates := rates_of(entry, "harmful")) is not None
    }
    found = {panel: known.get(panel.resolved(directions)) for panel in panels}
    return {panel: rates["refusal_rate"] for panel, rates in found.items() if rates is not None}


def _panel(
    panel: Panel,
    questions: Sequence[Question],
    found: Sequence[QuestionAnswer],
    baseline: Sequence[QuestionAnswer] | None,
    refused: Mapping[Panel, IntervalEntry],
) -> CapabilityPanel:
    def of(chosen: list[int]) -> CapabilityRate | None:
        return _rate(found, baseline, chosen) if chosen else None

    completions = [i for i, each in enumerate(questions) if each.is_completion]
    asked = [i for i, each in enumerate(questions) if not each.is_completion]
    areas = dict.fromkeys(questions[i].area for i in asked)
    return {
        "panel": str(panel),
        "questions": of(asked),
        "completions": of(completions),
        "areas": {
            area: _rate(found, baseline, [i for i in asked if questions[i].area == area])
            for area in areas
        },
        "refused": refused.get(panel),
        "on_front": None,
    }


def _rate(
    found: Sequence[QuestionAnswer],
    baseline: Sequence[QuestionAnswer] | None,
    chosen: Sequence[int],
) -> CapabilityRate:
    n = len(chosen)
    right = [found[i].right for i in chosen]
    difference = None
    if baseline is not None:
        paired = paired_difference([baseline[i].right for i in chosen], right)
        difference = {**paired.difference.entry(n), "p_value": paired.p_value}
    share = mean_interval([found[i].share for i in chosen]).entry(n)
    return {**wilson(sum(right), n).entry(n), "share": share, "difference": difference}  # type: ignore[typeddict-item]


def _mark_front(rows: Sequence[CapabilityPanel]) -> None:
    at = {
        index: (row["refused"]["estimate"], row["questions"]["estimate"])
        for index, row in enumerate(rows)
        if row["refused"] is not None and row["questions"] is not None
    }
    for index, (refuses, knows) in at.items():
        rows[index]["on_front"] = not any(
            (other[0] <= refuses and other[1] > knows) or (other[0] < refuses and other[1] >= knows)
            for other in at.values()
        )


def markdown(found: CapabilityDocument) -> str:
    """Return the table, a row a panel."""
    lines = []
    for row in found["panels"]:
        questions = row["questions"]
        change = questions["difference"] if questions else None
        front = {True: "yes", False: "", None: ""}[row["on_front"]]
        cells = (
            *(f"`{row['panel']}`", _said(questions), _said(change), _said(row["completions"])),
            *(_said(row["refused"]), front),
        )
        lines.append(cells)
    return table(HEAD, lines)


def _said(interval: IntervalEntry | None) -> str:
    return with_interval(interval) if interval else ""
