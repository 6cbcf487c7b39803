"""Refusal scores of arms and of many seeds of their controls: one pass a prompt and panel."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from steering.artifacts.evaluation_document import (
    NextTokensEntry,
    RankedPanel,
    RankedSet,
    ScoredPanel,
    ScoreEntry,
)
from steering.artifacts.resumable import Stages
from steering.data.splits import evenly
from steering.errors import SteeringError
from steering.evaluation.crossed_interval import crossed_interval
from steering.evaluation.evaluation_arms import BASELINE, Arm
from steering.evaluation.scored_arms import Family
from steering.inference.metrics import kl_divergence, refusal_score
from steering.inference.next_token import ReadRows, by_first_layer
from steering.intervals import mean_interval, wilson
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

GROUPS: Final = ("harmful", "harmless")
"""Sets whose next tokens are read."""
SCORED_PROMPTS: Final = 40
"""Prompts of each set, evenly spread (chosen: the more than 200 panels of a whole comparison take
half a minute a prompt on two cores, and an interval of a mean over 40 tells a rank among 20)."""
_PANELS: Final = 32
"""Panels in one pass (chosen: rows of one short prompt; their logits take 20 MB)."""

Scores = Mapping[Panel, Mapping[str, Sequence[float]]]
"""By panel, then `harmful`, `harmless` or `kl` (of harmless prompts): a value a prompt, in nats."""


@dataclass(frozen=True)
class _Read:
    """Refusal score and KL divergence of every panel on one prompt."""

    scores: list[float]
    kls: list[float]


def read_scores(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    panels: Sequence[Panel],
    stages: Stages,
) -> Scores:
    """Return what the next token says of harmful and harmless prompts under every panel.

    Every prompt is read by itself, and blocks below the first edited one once: the numbers hang on
    nothing but the prompt, the panel and the panels that are read with it.

    Args:
        steerable: A loaded chat model with its directions.
        sets: Prompts by the name of their set; others than `GROUPS` are left out.
        panels: What is done; the baseline is read in any case.
        stages: Keeps what is read, so that a stopped run goes on.

    Raises:
        SteeringError: If a panel does not fit the model, or leaves no finite numbers.
    """
    model, directions = steerable.model, steerable.directions
    wanted = list(dict.fromkeys((BASELINE.panel, *panels)))
    edits = [panel.edit(directions) for panel in wanted]
    names = [str(panel.resolved(directions)) for panel in wanted]
    asked = {
        json.dumps([group, text, names]): (group, text)
        for group in GROUPS
        for text in evenly(sets.get(group, ()), SCORED_PROMPTS)
    }

    def read(key: str) -> dict[str, Any]:
        group, text = asked[key]
        found = _read(model, model.render_all([text], what=f"{group} prompt")[0], edits, names)
        return {"scores": found.scores, "kls": found.kls}

    lines = stages.lines("next tokens", list(asked), read)
    of_group = {
        name: [
            line for line, (group, _) in zip(lines, asked.values(), strict=True) if group == name
        ]
        for name in GROUPS
    }
    return {
        panel: {name: [line["scores"][index] for line in found] for name, found in of_group.items()}
        | {"kl": [line["kls"][index] for line in of_group["harmless"]]}
        for index, panel in enumerate(wanted)
    }


def summary(scores: Scores, arms: Sequence[Arm], families: Sequence[Family]) -> NextTokensEntry:
    """Return the arms with their scores, and where they rank among their controls."""
    return {
        "panels": [_scored(arm, scores[arm.panel]) for arm in (BASELINE, *arms)],
        "ranks": [_ranked(family, scores) for family in families],
    }


def _read(
    model: ChatModel, row: Sequence[int], edits: Sequence[Edit | None], names: Sequence[str]
) -> _Read:
    groups = by_first_layer(edits)
    read, baseline = ReadRows.unedited(model, [row], groups, keep=1)
    baseline = baseline[:, -1].float()
    openers = model.opener_ids
    scores, kls = refusal_score(baseline, openers).tolist() * len(edits), [0.0] * len(edits)
    for layer, members in groups.items():
        for start in range(0, len(members), _PANELS):
            part = members[start : start + _PANELS]
            logits = read.under([edits[index] for index in part], layer)[:, -1].float()
            fine = logits.isfinite().all(-1).tolist()
            if not all(fine):
                name = names[part[fine.index(False)]]
                raise SteeringError(
                    f"{name} leaves no finite numbers in {model.name}; hold the model in float32 "
                    "or bfloat16, or leave the panel out"
                )
            found = refusal_score(logits, openers).tolist()
            apart = kl_divergence(baseline.expand_as(logits), logits).tolist()
            for index, score, kl in zip(part, found, apart, strict=True):
                scores[index], kls[index] = score, kl
    return _Read(scores, kls)


def _scored(arm: Arm, scores: Mapping[str, Sequence[float]]) -> ScoredPanel:
    sets = {name: _score(scores[name]) for name in GROUPS if scores[name]}
    entry = {"panel": str(arm.panel), "label": arm.label, "kind": arm.kind, **sets}
    return cast(ScoredPanel, entry | {"kl": float(np.mean(scores["kl"] or [0.0]))})


def _score(values: Sequence[float]) -> ScoreEntry:
    n = len(values)
    opens = wilson(sum(value > 0 for value in values), n)
    return {
        "n": n,
        "refusal_score": mean_interval(values).entry(n),
        "opens": opens.entry(n),
    }


def _ranked(family: Family, scores: Scores) -> RankedPanel:
    own = scores[family.arm.panel]
    sets = {
        name: _rank(own[name], [scores[panel][name] for panel in family.seeds])
        for name in GROUPS
        if own[name]
    }
    entry = {"panel": str(family.arm.panel), "label": family.arm.label, "control": family.kind}
    return cast(RankedPanel, entry | sets)


def _rank(own: Sequence[float], seeds: Sequence[Sequence[float]]) -> RankedSet:
    score = float(np.mean(own))
    means = [float(np.mean(each)) for each in seeds]
    terms = [np.array([own], dtype=np.float64), -np.array(seeds, dtype=np.float64)]
    return {
        "score": score,
        "seeds": means,
        "lower": sum(mean <= score for mean in means),
        "net": crossed_interval([terms]).entry(len(own)),
    }
