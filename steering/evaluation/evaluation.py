"""The paper's comparison on a model: rates, cost, controls, and what they say of its claims."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from steering.artifacts.evaluation_document import EVALUATION_SCHEMA as EVALUATION_SCHEMA
from steering.artifacts.evaluation_document import (
    ClaimEntry,
    ClaimPartEntry,
    EvaluationDocument,
    LongEntry,
    MeasuredPanel,
    NetEntry,
    PanelEntry,
    ProseEntry,
)
from steering.artifacts.manifest_document import SamplingEntry
from steering.artifacts.resumable import Stages
from steering.chat_judges.local_judge import ChatJudge
from steering.data.prose import Passage
from steering.defaults import ROWS
from steering.defaults import TOKENS as TOKENS
from steering.evaluation import judge_agreement, landings, net_effects, next_tokens
from steering.evaluation.answers import AnswerRow, answer_resumably
from steering.evaluation.claim_inputs import outcomes
from steering.evaluation.claims import ClaimPart, Finding, findings
from steering.evaluation.evaluation_arms import Arm
from steering.evaluation.extent import CHOSEN, Extent
from steering.evaluation.long_answers import answer_at_length
from steering.evaluation.prose_cost import ProseCost, prose_cost
from steering.evaluation.rates_table import table as table
from steering.inference.generation import Sampling
from steering.intervals import mean_interval
from steering.maps.steerable_model import SteerableModel
from steering.verdicts.judgement import JUDGE_VERSION


@dataclass(frozen=True)
class EvaluationSettings:
    """How an evaluation is made.

    Attributes:
        tokens: Length of the answers, which are greedy: a panel's numbers are then its own.
        rows_per_batch: Rows (prompts x panels) that are answered at once. Affects texts only
            through rounding (see docs/results.md).
        passages: Neutral texts on which the cost is measured; empty for none.
        judge: A chat model that judges beside the rules; None for none.
        extent: What is measured beside the answers; see `extent.whole`.
    """

    tokens: int = TOKENS
    rows_per_batch: int = ROWS
    passages: Sequence[Passage] = ()
    judge: ChatJudge | None = None
    extent: Extent = CHOSEN


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
    *,
    more: Sequence[Arm] = (),
) -> Evaluation:
    """Answer every prompt under every arm and say what the answers show.

    Args:
        steerable: A loaded chat model with its directions; where prompts land is measured on its
            maps, if it has any.
        sets: Prompts by the name of their set, mostly those of `prompts.LABELS`.
        arms: What is compared; the baseline comes first.
        settings: How.
        more: Arms beyond the comparison. They are answered in requests of their own, so that the
            answers of a comparison that was made without them are taken over; where prompts land
            under them is not measured.

    Raises:
        SteeringError: If an arm does not fit the model, or the judge cannot be asked.
    """
    model, directions, maps = steerable.model, steerable.directions, steerable.maps
    compared = [arm.panel for arm in arms]
    arms = (*arms, *more)
    panels = [arm.panel for arm in arms]
    sampling = Sampling(max_new_tokens=settings.tokens)
    stages = Stages.of(model, "evaluation", EVALUATION_SCHEMA, directions.digest)
    extent = settings.extent
    rows: list[AnswerRow] = []
    seconds = 0.0
    # The baseline is asked again with what goes beyond: differences are measured from it.
    beyond = [[*compared[:1], *panels[len(compared) :]]] if more else []
    for asked in (compared, *beyond):
        found_rows, took = answer_resumably(
            steerable,
            sets,
            asked,
            stages,
            sampling=sampling,
            rows_per_batch=settings.rows_per_batch,
        )
        known = {row.panel for row in rows}
        rows += [row for row in found_rows if row.panel not in known]
        seconds += took
    longer, length = answer_at_length(
        steerable,
        sets,
        extent.long,
        stages,
        tokens=extent.long_tokens,
        rows_per_batch=settings.rows_per_batch,
    )
    scored = (
        next_tokens.read_scores(steerable, sets, extent.panels, stages) if extent.scored else None
    )
    passages = settings.passages
    costs = prose_cost(steerable, passages, panels, stages) if passages else {}
    landed = landings.land_all(steerable, sets, compared, stages) if maps else []
    refused = net_effects.refusals(rows, directions)
    nets = [net_effects.net(panel, refused, directions) for panel in panels]
    entries = [
        _entry(arm, cells, net, costs.get(arm.panel), costs.get(panels[0]))
        for arm, cells, net in zip(arms, table(rows), nets, strict=True)
    ]
    net_effects.correct(entries)
    found = findings(outcomes(rows, landed, directions, longer))
    long: LongEntry = {"tokens": length, "panels": table(longer)}
    document: EvaluationDocument = {
        "schema": EVALUATION_SCHEMA,
        "judge_version": JUDGE_VERSION,
        "model": model.name,
        "sampling": cast(SamplingEntry, asdict(sampling)),
        "rows_per_batch": settings.rows_per_batch,
        "default_k": directions.default_k,
        "panels": entries,
        "claims": [_claim(each) for each in found],
        "next_tokens": next_tokens.summary(scored, extent.scored, extent.ranked)
        if scored
        else None,
        "long": long if longer else None,
        "geometry": landings.summary(landed, directions, maps) if maps else None,
        "judge": None,
    }
    if settings.judge:
        document["judge"] = judge_agreement.summary(settings.judge, rows, stages)
    return Evaluation(document, rows, seconds)


def _entry(
    arm: Arm,
    cells: MeasuredPanel,
    net: NetEntry | None,
    cost: ProseCost | None,
    before: ProseCost | None,
) -> PanelEntry:
    # Who it is comes first in the document, what was measured after it.
    entry = {"panel": cells["panel"], "label": arm.label, "kind": arm.kind, **cells}
    entry |= {"net": net} if net else {}
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
        "number": found.number,
        "verdict": found.verdict,
        "sentence": found.sentence,
        "parts": [_part(part) for part in found.parts],
    }


def _part(part: ClaimPart) -> ClaimPartEntry:
    entry: ClaimPartEntry = {
        "statement": part.statement,
        "verdict": part.verdict,
        "interval": part.interval.entry(part.n) if part.interval else None,
    }
    if part.illustration:
        entry["illustration"] = True
    return entry
