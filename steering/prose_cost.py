"""What an edit costs on neutral prose: loss and KL divergence of every next token.

The text stands alone, without a chat template. It is read in windows, the baseline and a few panels
in one pass, so that both are compared under the same rounding.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.directions import Directions
from steering.intervention import Edit, compile_edits, intervene
from steering.metrics import answer_log_probabilities
from steering.model import ChatModel
from steering.panel import Panel
from steering.prose import Passage
from steering.stages import Stages

WINDOW: Final = 128
"""Tokens read at once (chosen: logits of a pass then fit in half a gigabyte)."""
_PANELS: Final = 8
"""Panels beside the baseline in one pass (chosen, for the same reason)."""
_POSITIONS: Final = 8
"""Positions whose KL divergence is taken at a time (chosen: a hundred megabytes)."""


@dataclass(frozen=True)
class ProseCost:
    """What one panel does to the prediction of a text.

    Attributes:
        tokens: Predicted tokens of each window.
        loss: Mean negative log-probability of a token in each window, in nats.
        kl: Mean KL divergence from the baseline in each window, in nats a token.
    """

    tokens: tuple[int, ...]
    loss: tuple[float, ...]
    kl: tuple[float, ...]


def prose_cost(
    model: ChatModel,
    directions: Directions,
    passages: Sequence[Passage],
    panels: Sequence[Panel],
    stages: Stages,
) -> dict[Panel, ProseCost]:
    """Measure every panel on every window of the passages.

    Args:
        model: A loaded chat model.
        directions: Its directions.
        passages: Texts.
        panels: What is done to the model; edits act on every token.
        stages: Keeps what is measured, so that a stopped run goes on.
    """
    rows = windows(model, passages)
    groups = [panels[start : start + _PANELS] for start in range(0, len(panels), _PANELS)]
    todo = {
        json.dumps([place, _digest(row), [str(panel.resolved(directions)) for panel in group]]): (
            row,
            [panel.edit(directions) for panel in group],
        )
        for group in groups
        for place, row in enumerate(rows)
    }
    found = stages.lines("prose", list(todo), lambda key: _measure(model, *todo[key]))
    costs: dict[Panel, ProseCost] = {}
    for number, group in enumerate(groups):
        own = found[number * len(rows) : (number + 1) * len(rows)]
        for place, panel in enumerate(group):
            costs[panel] = ProseCost(
                tuple(len(row) - 1 for row in rows),
                tuple(each["loss"][place] for each in own),
                tuple(each["kl"][place] for each in own),
            )
    return costs


def windows(model: ChatModel, passages: Sequence[Passage]) -> list[list[int]]:
    """Return the token ids of consecutive windows; one token alone predicts nothing and goes.

    Where a model's texts begin with a token of their own, every window does.
    """
    start = model.tokenizer.bos_token_id
    head = [] if start is None else [int(start)]
    rows = []
    for passage in passages:
        ids = model.tokenizer.encode(passage.text, add_special_tokens=False)
        for place in range(0, len(ids), WINDOW):
            row = [*head, *ids[place : place + WINDOW]]
            if len(row) > 1:
                rows.append(row)
    return rows


def _digest(row: Sequence[int]) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16]


def _measure(model: ChatModel, row: Sequence[int], edits: Sequence[Edit | None]) -> dict[str, Any]:
    batch = model.batch([row] * (len(edits) + 1))
    program = compile_edits([None, *edits], device=model.device)
    with torch.inference_mode(), intervene(model, program):
        logits = model.network(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).logits[:, :-1]
    loss = -answer_log_probabilities(logits, batch.tokens[:, 1:]).double().mean(dim=1)
    return {"loss": loss[1:].tolist(), "kl": _divergence(logits).tolist()}


def _divergence(logits: Float[Tensor, "row position vocab"]) -> Float[Tensor, " panel"]:
    """Mean over positions of KL(first row || row), in nats, for every row but the first.

    In float32: `metrics.kl_divergence` takes double precision, which is the better part of the
    whole work at a hundred thousand words and thousands of positions. Summed over differences of
    log-probabilities, which are small where the divergence is, so that little is lost (5e-6 of
    the value on random logits).
    """
    total = torch.zeros(len(logits) - 1, device=logits.device)
    for start in range(0, logits.shape[1], _POSITIONS):
        part = logits[:, start : start + _POSITIONS].float()
        baseline = part[0].log_softmax(dim=-1)
        p = baseline.exp()
        edited = part[1:].log_softmax(dim=-1)
        total += (baseline - edited).mul_(p).sum(dim=-1).clamp(min=0.0).sum(dim=-1)
    return total / logits.shape[1]
