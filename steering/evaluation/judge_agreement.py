"""A chat model's verdicts on the answers of an evaluation, beside those of the rules."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, cast

from steering.artifacts.evaluation_document import JudgedRate, JudgeEntry, MatchEntry
from steering.artifacts.resumable import Stages
from steering.chat_judges.assessment import Assessment, Match, Opinion, agreement
from steering.chat_judges.local_judge import ChatJudge
from steering.evaluation.answers import AnswerRow
from steering.intervals import wilson
from steering.verdicts.judgement import REFUSALS

_AT_ONCE: Final = 8
"""Answers judged between two savings (chosen: a kill loses at most these)."""


def opinions(judge: ChatJudge, rows: Sequence[AnswerRow], stages: Stages) -> list[Opinion]:
    """Ask about every answer, in order; what was said is kept, so that a stopped run goes on."""
    chunks = [list(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
    todo = {
        json.dumps([judge.provenance, index, [[row.prompt, row.text] for row in chunk]]): chunk
        for index, chunk in enumerate(chunks)
    }

    def ask(key: str) -> dict[str, Any]:
        pairs = [(row.prompt, row.text) for row in todo[key]]
        return {"opinions": [asdict(each) for each in judge.opinions(pairs)]}

    found = stages.lines("judge", list(todo), ask)
    return [_opinion(each) for entry in found for each in entry["opinions"]]


def _opinion(stored: dict[str, Any]) -> Opinion:
    said = stored["assessment"]
    if said is None:
        return Opinion(None, stored["reason"])
    reasons = tuple(said["refusal_reasons"])
    return Opinion(Assessment(**{**said, "refusal_reasons": reasons}), stored["reason"])


def summary(judge: ChatJudge, rows: Sequence[AnswerRow], stages: Stages) -> JudgeEntry:
    """Return who judged, how far it agrees with the rules, and its refusal rates.

    The rates are over the answers that it judged, by panel and set, with 95 % Wilson intervals.
    """
    found = opinions(judge, rows, stages)
    match = agreement([row.judgement.verdict for row in rows], found)
    rates: dict[str, dict[str, dict[str, int]]] = {}
    for row, opinion in zip(rows, found, strict=True):
        if opinion.verdict is not None:
            cell = rates.setdefault(row.panel, {}).setdefault(row.group, {"n": 0, "refused": 0})
            cell["n"] += 1
            cell["refused"] += opinion.verdict in REFUSALS
    entry: JudgeEntry = {
        "judge": judge.provenance["judge"],
        "n": match.n,
        "judged": match.judged,
        "verdict": _match(match.verdict, match.judged),
        "refused": _match(match.refused, match.judged),
        "counts": [[*pair, count] for pair, count in match.counts.items()],
        "panels": {
            panel: {group: _rate(cell["refused"], cell["n"]) for group, cell in groups.items()}
            for panel, groups in rates.items()
        },
    }
    # Each kind of judge has facts of its own to tell.
    return cast(JudgeEntry, {**judge.provenance, **entry})


def _rate(refused: int, n: int) -> JudgedRate:
    return {"n": n, "refusal_rate": wilson(refused, n).entry(n)}


def _match(found: Match | None, n: int) -> MatchEntry | None:
    if found is None:
        return None
    kappa = found.kappa.entry(n) if found.kappa else None
    return {"raw": found.raw.entry(n), "kappa": kappa}
