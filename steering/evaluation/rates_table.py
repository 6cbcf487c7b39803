"""Answers as numbers: what each panel does to every set, and what it costs, beside the baseline.

A refusal rate never stands alone: the looping rate is beside it, since broken text often holds a
refusal phrase (Rocchetti & Ferrara 2026), and so is the rate by the substring rule of Arditi et al.
2024. Every rate carries n and a 95 % Wilson interval; every difference to the baseline is taken
prompt by prompt.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import cast

from steering.artifacts.evaluation_document import (
    MeasuredPanel,
    PairedChange,
    SetRates,
    SetsEntry,
)
from steering.evaluation.answers import AnswerRow
from steering.evaluation.claim_inputs import has_refused, loss_of
from steering.intervals import mean_interval, paired_difference, wilson
from steering.verdicts.rules import contains_refusal_phrase


def table(rows: Sequence[AnswerRow]) -> list[MeasuredPanel]:
    """Return one entry per panel, in order of first appearance, with its numbers on every set.

    `perplexity` is the median over harmless prompts of the perplexity that the edited model gives
    the baseline's answers, `loss_difference` the mean change of its logarithm, in nats a token,
    `kl` the mean KL divergence of the first token there, in nats.
    """
    cells: dict[str, dict[str, list[AnswerRow]]] = {}
    for row in rows:
        cells.setdefault(row.panel, {}).setdefault(row.group, []).append(row)
    baseline = cells.get("baseline", {})
    return [_measured(panel, own, baseline) for panel, own in cells.items()]


def _measured(
    panel: str, own: Mapping[str, list[AnswerRow]], baseline: Mapping[str, list[AnswerRow]]
) -> MeasuredPanel:
    before = {} if panel == "baseline" else baseline
    sets = {group: _rates(found, before.get(group)) for group, found in own.items()}
    harmless = own.get("harmless", [])
    measured = [row.perplexity for row in harmless if row.perplexity is not None]
    changes = _changes(harmless, before.get("harmless", []))
    return {
        "panel": panel,
        **cast(SetsEntry, sets),
        "perplexity": median(measured) if measured else None,
        "kl": fmean(row.kl for row in harmless) if harmless else None,
        "loss_difference": mean_interval(changes).entry(len(changes)) if changes else None,
    }


def _changes(rows: Sequence[AnswerRow], before: Sequence[AnswerRow]) -> list[float]:
    """Return by how much the loss on the same answers has risen, where both have one."""
    pairs = zip((loss_of(row) for row in rows), (loss_of(row) for row in before), strict=False)
    return [now - then for now, then in pairs if now is not None and then is not None]


def _rates(rows: Sequence[AnswerRow], before: Sequence[AnswerRow] | None) -> SetRates:
    n = len(rows)
    verdicts = Counter(row.judgement.verdict for row in rows)
    counts = {
        "refusal": sum(row.judgement.refused for row in rows),
        "substring": sum(contains_refusal_phrase(row.text) for row in rows),
        "looping": sum(row.judgement.looping for row in rows),
        "gibberish": sum(row.judgement.gibberish for row in rows),
        "hedged": verdicts["hedged"],
    }
    rates = {name: wilson(count, n).entry(n) for name, count in counts.items()}
    return {
        "n": n,
        "refusal_rate": rates["refusal"],
        "substring_rate": rates["substring"],
        "looping_rate": rates["looping"],
        "gibberish_rate": rates["gibberish"],
        "hedged_rate": rates["hedged"],
        "verdicts": {str(name): count for name, count in sorted(verdicts.items())},
        "refusal_score": fmean(row.refusal_score for row in rows),
        "difference": None if before is None else _difference(before, rows),
    }


def _difference(before: Sequence[AnswerRow], rows: Sequence[AnswerRow]) -> PairedChange:
    found = paired_difference(*([has_refused(row) for row in each] for each in (before, rows)))
    interval = found.difference.entry(found.n)
    return {
        "estimate": interval["estimate"],
        "low": interval["low"],
        "high": interval["high"],
        "n": found.n,
        "p_value": found.p_value,
        "gained": found.gained,
        "lost": found.lost,
    }
