"""The paper's comparison on a model: rates, cost, controls, and what they say of its claims.

A refusal rate never stands alone: the looping rate is beside it, since broken text often holds a
refusal phrase (Rocchetti & Ferrara 2026), and so is the rate by the substring rule of Arditi et al.
2024. Every rate carries n and a 95 % Wilson interval; every difference to the baseline is taken
prompt by prompt.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import cast

from steering.artifacts.evaluation_document import EVALUATION_SCHEMA as EVALUATION_SCHEMA
from steering.artifacts.evaluation_document import (
    ClaimEntry,
    EvaluationDocument,
    MeasuredPanel,
    PairedChange,
    PanelEntry,
    ProseEntry,
    SetRates,
    SetsEntry,
)
from steering.artifacts.manifest_document import SamplingEntry
from steering.artifacts.resumable import Stages
from steering.chat_judges.local_judge import ChatJudge
from steering.data.prose import Passage
from steering.defaults import ROWS
from steering.defaults import TOKENS as TOKENS
from steering.evaluation import judge_agreement, landings
from steering.evaluation.answers import AnswerRow, answer_resumably
from steering.evaluation.claim_inputs import has_refused, loss_of, outcomes
from steering.evaluation.claims import Finding, findings
from steering.evaluation.evaluation_arms import Arm
from steering.evaluation.prose_cost import ProseCost, prose_cost
from steering.inference.generation import Sampling
from steering.intervals import mean_interval, paired_difference, wilson
from steering.maps.steerable_model import SteerableModel
from steering.verdicts.judgement import JUDGE_VERSION
from steering.verdicts.rules import contains_refusal_phrase


@dataclass(frozen=True)
class EvaluationSettings:
    """How an evaluation is made.

    Attributes:
        tokens: Length of the answers, which are greedy: a panel's numbers are then its own.
        rows_per_batch: Rows (prompts x panels) that are answered at once. Affects texts only
            through rounding (see docs/results.md).
        passages: Neutral texts on which the cost is measured; empty for none.
        judge: A chat model that judges beside the rules; None for none.
    """

    tokens: int = TOKENS
    rows_per_batch: int = ROWS
    passages: Sequence[Passage] = ()
    judge: ChatJudge | None = None


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gives.

    Attributes:
        document: Tables and claims as JSON types; the same whenever and wherever it was stopped.
        rows: Every answer.
        seconds: Time that answering took, all stretches of a stopped run together.
    """

    document: EvaluationDocument
    rows: list[AnswerRow]
    seconds: float


def evaluate(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    arms: Sequence[Arm],
    settings: EvaluationSettings,
) -> Evaluation:
    """Answer every prompt under every arm and say what the answers show.

    Args:
        steerable: A loaded chat model with its directions; where prompts land is measured on its
            maps, if it has any.
        sets: Prompts by the name of their set, mostly those of `prompts.LABELS`.
        arms: What is compared; the baseline comes first.
        settings: How.

    Raises:
        SteeringError: If an arm does not fit the model, or the judge cannot be asked.
    """
    model, directions, maps = steerable.model, steerable.directions, steerable.maps
    panels = [arm.panel for arm in arms]
    sampling = Sampling(max_new_tokens=settings.tokens)
    stages = Stages.of(model, "evaluation", EVALUATION_SCHEMA, directions.digest)
    rows, seconds = answer_resumably(
        steerable,
        sets,
        panels,
        stages,
        sampling=sampling,
        rows_per_batch=settings.rows_per_batch,
    )
    passages = settings.passages
    costs = prose_cost(steerable, passages, panels, stages) if passages else {}
    landed = landings.land_all(steerable, sets, panels, stages) if maps else []
    document: EvaluationDocument = {
        "schema": EVALUATION_SCHEMA,
        "judge_version": JUDGE_VERSION,
        "model": model.name,
        "sampling": cast(SamplingEntry, asdict(sampling)),
        "rows_per_batch": settings.rows_per_batch,
        "default_k": directions.default_k,
        "panels": [
            _entry(arm, cells, costs.get(arm.panel), costs.get(panels[0]))
            for arm, cells in zip(arms, table(rows), strict=True)
        ],
        "claims": [_claim(found) for found in findings(outcomes(rows, landed, directions))],
        "geometry": landings.summary(landed, directions, maps) if maps else None,
        "judge": None,
    }
    if settings.judge:
        document["judge"] = judge_agreement.summary(settings.judge, rows, stages)
    return Evaluation(document, rows, seconds)


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
    return {
        **found.difference.entry(found.n),
        "p_value": found.p_value,
        "gained": found.gained,
        "lost": found.lost,
    }


def _entry(
    arm: Arm, cells: MeasuredPanel, cost: ProseCost | None, before: ProseCost | None
) -> PanelEntry:
    # Who it is comes first in the document, what was measured after it.
    entry = {"panel": cells["panel"], "label": arm.label, "kind": arm.kind, **cells}
    prose = _prose(cost, before) if cost and before else None
    return cast(PanelEntry, entry | {"prose": prose})


def _prose(cost: ProseCost, before: ProseCost) -> ProseEntry:
    tokens = sum(cost.tokens)

    def mean(values: Sequence[float]) -> float:
        return sum(n * value for n, value in zip(cost.tokens, values, strict=True)) / tokens

    changes = [now - then for now, then in zip(cost.loss, before.loss, strict=True)]
    change = None if cost is before else mean_interval(changes, weights=cost.tokens)
    return {
        "tokens": tokens,
        "perplexity": math.exp(mean(cost.loss)),
        "kl": mean(cost.kl),
        "loss_difference": change.entry(len(changes)) if change else None,
    }


def _claim(found: Finding) -> ClaimEntry:
    return {
        "claim": found.claim,
        "verdict": found.verdict,
        "sentence": found.sentence,
        "parts": [
            {
                "statement": part.statement,
                "verdict": part.verdict,
                "interval": part.interval.entry(part.n) if part.interval else None,
            }
            for part in found.parts
        ],
    }
