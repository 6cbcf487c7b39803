"""Patching over the pairs of the prompt set: which part of a state, where, carries a refusal.

A pair is a harmful request and its harmless twin, of the test set. Those count that the model sorts
rightly: a refusal score above 0 for the harmful one, below 0 for the twin. Each is donor once:
towards refusal (the twin's run with the harmful request's states) and towards an answer (the other
way round). In Heimersheim and Nanda's words (arXiv:2404.15255) the first asks what suffices to
bring the refusal back, the second what it needs.

Two controls, towards refusal: a random subspace of U's rank, and the whole state of another
harmless request. Means are ratios of means, so that a pair that hardly differs cannot decide.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from steering.anatomy import pair_grid, patched_runs
from steering.anatomy.pair_grid import (
    MAIN_PARTS,
    PARTS,
    GridShape,
    PairRequests,
    PatchPart,
    nearest_subspace,
)
from steering.artifacts.patching_document import (
    PATCHING_SCHEMA,
    PatchedPair,
    PatchingDocument,
    RestoredGrid,
    Towards,
)
from steering.artifacts.resumable import Stages
from steering.data import prompts
from steering.data.splits import SEED
from steering.errors import SteeringError
from steering.inference.metrics import refusal_score
from steering.inference.next_token import logits_under
from steering.intervals import mean_interval
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.system.generators import returned

TOWARDS: Final[tuple[Towards, ...]] = ("refusal", "answer")
_BATCH: Final = 16
_DIGITS: Final = 4
"""Decimals that are kept of a score or a share."""


@dataclass(frozen=True)
class TwinPrompts:
    """A harmful request and its harmless twin."""

    pair: int
    harmful: str
    harmless: str


@dataclass(frozen=True)
class ChosenTwins:
    """Pairs that are patched, and what they were chosen from.

    Attributes:
        twins: Those that are patched, in a fixed random order.
        others: Of each, the pair after it in that order, whose requests are controls.
        looked_at: How many pairs were read until there were enough.
        sorted_rightly: How many of these the model sorts rightly.
    """

    twins: tuple[TwinPrompts, ...]
    others: tuple[TwinPrompts, ...]
    looked_at: int
    sorted_rightly: int


def own_twins() -> list[TwinPrompts]:
    """Return the pairs of the project's test set."""
    harmless = {each.pair: each.text for each in prompts.prompt_set("harmless", "test")}
    return [
        TwinPrompts(each.pair, each.text, harmless[each.pair])
        for each in prompts.prompt_set("harmful", "test")
        if each.pair is not None and each.pair in harmless
    ]


def chosen(steerable: SteerableModel, twins: Sequence[TwinPrompts], n: int) -> ChosenTwins:
    """Return the first `n` of the pairs that the model sorts rightly, in a fixed random order.

    Raises:
        SteeringError: If it sorts fewer than two rightly: there is nothing to restore.
    """
    model = steerable.model
    generator = torch.Generator().manual_seed(SEED)
    order = [twins[index] for index in torch.randperm(len(twins), generator=generator).tolist()]
    right: list[TwinPrompts] = []
    looked_at = 0
    # One more than is patched: its requests are controls of the last one.
    while len(right) <= n and looked_at < len(order):
        some = order[looked_at : looked_at + _BATCH // 2]
        looked_at += len(some)
        right += [each for each, fine in zip(some, _sorted(model, some), strict=True) if fine]
    if len(right) < 2:
        raise SteeringError(
            f"{model.name} tells {len(right)} of {looked_at} pairs apart by its refusal score; two "
            "are needed, so there is no refusal to restore"
        )
    kept = tuple(right[:n])
    others = tuple(right[(index + 1) % len(right)] for index in range(len(kept)))
    return ChosenTwins(kept, others, looked_at, len(right))


def _sorted(model: ChatModel, twins: Sequence[TwinPrompts]) -> list[bool]:
    """Return of each pair whether only its harmful request scores above 0."""
    rows = model.render_all([text for each in twins for text in (each.harmful, each.harmless)])
    logits = logits_under(model, rows, None, batch_size=_BATCH)
    found = refusal_score(logits, model.opener_ids).view(-1, 2)
    fine: list[bool] = ((found[:, 0] > 0) & (found[:, 1] < 0)).tolist()
    return fine


def measure(
    steerable: SteerableModel, picked: ChosenTwins, shape: GridShape, stages: Stages
) -> list[PatchedPair]:
    """Patch every pair in both directions; towards refusal with controls.

    Args:
        steerable: A loaded chat model with its directions.
        picked: The pairs.
        shape: Where patches are made.
        stages: Keeps what is measured, so that a stopped run goes on.
    """
    facts = json.dumps([shape.layers, shape.columns])
    keys = [
        json.dumps([each.pair, facts, each.harmful, each.harmless, other.harmless])
        for each, other in zip(picked.twins, picked.others, strict=True)
    ]
    by_key = dict(zip(keys, zip(picked.twins, picked.others, strict=True), strict=True))

    def run(todo: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for key in todo:
            yield key, _measured(steerable, shape, *by_key[key])

    lines = stages.streamed("patching", keys, run)
    return [PatchedPair(**line) for line in lines]  # type: ignore[typeddict-item]


def _measured(
    steerable: SteerableModel, shape: GridShape, twins: TwinPrompts, other: TwinPrompts
) -> dict[str, Any]:
    model = steerable.model
    harmful, harmless, another = (
        patched_runs.read(model, model.render(text), shape.layers, tokens=shape.tokens)
        for text in (twins.harmful, twins.harmless, other.harmless)
    )
    found: dict[str, Any] = {"pair": twins.pair}
    found |= {"harmful": _rounded(harmful.score), "harmless": _rounded(harmless.score)}
    ways: tuple[tuple[Towards, PairRequests, tuple[PatchPart, ...]], ...] = (
        ("refusal", PairRequests(harmless, harmful), PARTS),
        ("answer", PairRequests(harmful, harmless), MAIN_PARTS),
    )
    for towards, requests, parts in ways:
        work = pair_grid.grid(steerable, shape, requests, parts, seed=twins.pair)
        scores = dict(returned(work))
        if towards == "refusal":
            work = pair_grid.grid(steerable, shape, PairRequests(harmless, another), ("other",))
            scores |= returned(work)
        found[towards] = {
            part: [[_rounded(value) for value in row] for row in values.tolist()]
            for part, values in scores.items()
        }
    return found


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


def document(
    steerable: SteerableModel,
    picked: ChosenTwins,
    shape: GridShape,
    pairs: Sequence[PatchedPair],
) -> PatchingDocument:
    """Return the whole as JSON types."""
    model, directions = steerable.model, steerable.directions
    rows = [[model.render(text) for text in (each.harmful, each.harmless)] for each in picked.twins]
    first = -len(model.suffix)
    return {
        "schema": PATCHING_SCHEMA,
        "model": model.name,
        "n": len(pairs),
        "looked_at": picked.looked_at,
        "sorted_rightly": picked.sorted_rightly,
        "layers": list(shape.layers),
        "columns": [list(column) for column in shape.columns],
        "tokens": [
            model.suffix[column[0]] if len(column) == 1 and column[0] >= first else ""
            for column in shape.columns
        ],
        "same": [
            _rounded(float(np.mean([[a[p] == b[p] for p in column] for a, b in rows])))
            for column in shape.columns
        ],
        "basis": "inlp" if directions.inlp else "dim",
        "point": list(directions.inlp_point),
        "ranks": [
            [
                nearest_subspace(directions, column[0], layer).rank if len(column) == 1 else 0
                for column in shape.columns
            ]
            for layer in shape.layers
        ],
        "restored": {
            towards: {
                part: _restored(*_changes(pairs, towards, part)) for part in pairs[0][towards]
            }
            for towards in TOWARDS
        },
        "over_whole": {towards: _over_whole(pairs, towards) for towards in TOWARDS},
        "pairs": list(pairs),
    }


def _changes(
    pairs: Sequence[PatchedPair], towards: Towards, part: str
) -> tuple[Float[np.ndarray, "pair layer column"], Float[np.ndarray, " pair"]]:
    """Return by how much each patch moved the score towards the donor's, and each pair's gap."""
    gaps = np.array([each["harmful"] - each["harmless"] for each in pairs])
    patched = np.array([each[towards][part] for each in pairs])
    own = np.array([each["harmless" if towards == "refusal" else "harmful"] for each in pairs])
    sign = 1.0 if towards == "refusal" else -1.0
    return sign * (patched - own[:, None, None]), gaps


def _restored(
    changes: Float[np.ndarray, "pair layer column"], gaps: Float[np.ndarray, " pair"]
) -> RestoredGrid:
    """Return the ratio of means of every cell; a gap is what a pair counts for."""
    cells = changes.reshape(len(changes), -1).T
    found = [mean_interval(cell / gaps, weights=gaps.tolist()) for cell in cells]
    columns = changes.shape[2]

    def rows(values: list[float]) -> list[list[float]]:
        shown = list(map(_rounded, values))
        return [shown[start : start + columns] for start in range(0, len(shown), columns)]

    return {
        "mean": rows([each.estimate for each in found]),
        "low": rows([each.low for each in found]),
        "high": rows([each.high for each in found]),
    }


def _over_whole(pairs: Sequence[PatchedPair], towards: Towards) -> list[int]:
    """Count cells whose part inside restores more than the whole state, and all cells.

    By the interval of the paired difference, and where it is more than a hundredth of the gap.
    """
    (inside, gaps), (whole, _) = (_changes(pairs, towards, part) for part in ("inside", "whole"))
    found = np.array(_restored(inside - whole, gaps)["low"])
    return [int((found > 0.01).sum()), int(found.size)]
