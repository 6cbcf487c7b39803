"""English directions in other languages and wordings: what they tell apart, and what edits do.

After Wang et al. 2025 (arXiv:2505.17306), who find that a refusal direction of English bypasses
refusals in 13 other languages. They measure larger models on machine translations of public sets;
here it is one small model, 40 matched pairs, and beside the languages three wordings in English.
New is the twin: whether the direction tells a request from its twin in the same language, which a
rate of refusals does not say.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from steering.anatomy import worded_answers
from steering.anatomy.english_ground import PAIR_SETS, EnglishGround
from steering.anatomy.paired_separation import paired_auc, paired_auc_difference
from steering.anatomy.separation import auc
from steering.artifacts.harm_document import RandomReach, reach
from steering.artifacts.resumable import Stages
from steering.artifacts.wording_document import (
    WORDING_SCHEMA,
    EnglishMapEntry,
    WordedAxis,
    WordingDocument,
)
from steering.data.splits import evenly
from steering.data.wordings import WORDINGS, WordedPair, pairs_of
from steering.intervals import mean_interval
from steering.maps.steerable_model import SteerableModel
from steering.system import console

RANDOM_AXES: Final = range(20)
"""Seeds of the random directions beside each direction (chosen, as of harm and refusal)."""
ENGLISH: Final = "en"
_DIGITS: Final = 4
Worded = Mapping[str, Sequence[WordedPair]]
States = Mapping[tuple[str, str, str], Float[Tensor, "pair d_model"]]
"""What was read, by wording, set and point."""


def chosen(limit: int | None = None) -> dict[str, list[WordedPair]]:
    """Return the pairs in every wording; `limit` of them, evenly spaced, or all."""
    return {name: evenly(pairs_of(name), limit) for name in WORDINGS}


def document(
    steerable: SteerableModel, worded: Worded, stages: Stages, tokens: int
) -> WordingDocument:
    """Measure everything; a run that was stopped goes on.

    Args:
        steerable: A loaded chat model with directions and maps that were fitted on English.
        worded: The same pairs in every wording; English is among them.
        stages: Keeps what is measured.
        tokens: Length of the answers.

    Raises:
        SteeringError: If the directions come without the means that they lie between.
    """
    ground = EnglishGround.of(steerable)
    arms = worded_answers.asked_arms(steerable.directions)
    n = len(worded[ENGLISH])
    count = sum(len(panels) for panels in arms.values()) * n * len(worded)
    console.say(f"{count:,} answers of {tokens} tokens: {n} pairs in {len(worded)} wordings.")
    states = _read(ground, worded, stages)
    rows = worded_answers.answered(steerable, worded, arms, stages, tokens)
    return {
        "schema": WORDING_SCHEMA,
        "model": steerable.model.name,
        "n": n,
        "pairs": [each.pair for each in worded[ENGLISH]],
        "tokens": tokens,
        "places": {name: list(point) for name, point in ground.points.items() if name != "map"},
        "panels": {arm: str(panel) for panels in arms.values() for arm, panel in panels.items()},
        "map": _map(ground),
        "wordings": [
            {
                "wording": name,
                "name": WORDINGS[name],
                "along": {
                    each: mean_interval(ground.along(states[name, each, "dim"])).entry(n)
                    for each in PAIR_SETS
                },
                "points": {
                    each: _rounded(ground.placed(_of(states, name, each, ground.points)))
                    for each in PAIR_SETS
                },
                "axes": [axis(ground, states, name, each) for each in ground.units],
                "arms": worded_answers.entries(rows, name, ENGLISH),
                "first_token": worded_answers.first_tokens(rows, name) if name == ENGLISH else None,
            }
            for name in worded
        ],
    }


def _read(ground: EnglishGround, worded: Worded, stages: Stages) -> States:
    model = ground.steerable.model
    texts = [
        getattr(pair, each) for pairs in worded.values() for each in PAIR_SETS for pair in pairs
    ]

    def compute() -> dict[str, Tensor]:
        return ground.read(model.render_all(texts, what="request"), progress=True)

    facts = json.dumps([sorted(ground.points.items()), texts])
    digest = hashlib.sha256(facts.encode()).hexdigest()[:12]
    read = stages.tensors(f"wordings {digest}", compute)
    n = len(worded[ENGLISH])
    keys = [(name, each) for name in worded for each in PAIR_SETS]
    return {
        (*key, point): states[index * n : (index + 1) * n]
        for point, states in read.items()
        for index, key in enumerate(keys)
    }


def _of(
    states: States, name: str, set_name: str, points: Mapping[str, object]
) -> dict[str, Tensor]:
    return {point: states[name, set_name, point] for point in points}


def axis(ground: EnglishGround, states: States, name: str, which: str) -> WordedAxis:
    """Return how well one English direction tells harmful from harmless in one wording."""
    unit = ground.units[which]
    here, there = (
        [(states[each, set_name, which].double() @ unit).numpy() for set_name in PAIR_SETS]
        for each in (name, ENGLISH)
    )
    difference = None
    if name != ENGLISH:
        difference = paired_auc_difference((here[0], here[1]), (there[0], there[1])).entry(
            len(here[0])
        )
    return {
        "axis": which,
        "auc": paired_auc(here[0], here[1]).entry(len(here[0])),
        "than_english": difference,
        "random": _chance([states[name, set_name, which] for set_name in PAIR_SETS]),
    }


def _chance(states: Sequence[Float[Tensor, "pair d_model"]]) -> RandomReach:
    """Return what random directions tell at the same place, each turned to its better side."""
    both = np.concatenate([each.double().numpy() for each in states])
    harmful = np.arange(len(both)) < len(states[0])
    told = []
    for seed in RANDOM_AXES:
        drawn = np.random.default_rng(seed).standard_normal(both.shape[1])
        value = auc(both @ drawn, harmful) or 0.0
        told.append(max(value, 1 - value))
    return cast(RandomReach, reach(told))  # there are seeds


def _map(ground: EnglishGround) -> EnglishMapEntry | None:
    if ground.chart is None:
        return None
    position, layer = ground.points["map"]
    return {
        "position": position,
        "layer": layer,
        "means": {name: _rounded([place])[0] for name, place in ground.means().items()},
        "cloud": {name: _rounded(places, 2) for name, places in ground.cloud().items()},
    }


def _rounded(rows: Sequence[Sequence[float]], digits: int = _DIGITS) -> list[list[float]]:
    return [[round(value, digits) for value in row] for row in rows]
