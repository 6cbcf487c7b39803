"""What an edit costs on neutral prose: loss and KL divergence of every next token.

The text stands alone, without a chat template, and is read in windows.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from steering.artifacts.resumable import Stages
from steering.data.prose import Passage
from steering.inference.metrics import cost_along_text
from steering.inference.next_token import ReadRows, by_first_layer
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

WINDOW: Final = 128
"""Tokens read at once (chosen: logits of a pass then fit in half a gigabyte)."""
_PANELS: Final = 8
"""Panels in one pass (chosen, for the same reason)."""


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
    steerable: SteerableModel,
    passages: Sequence[Passage],
    panels: Sequence[Panel],
    stages: Stages,
) -> dict[Panel, ProseCost]:
    """Measure every panel on every window of the passages.

    Args:
        steerable: A loaded chat model with its directions.
        passages: Texts.
        panels: What is done to the model; edits act on every token.
        stages: Keeps what is measured, so that a stopped run goes on.
    """
    model, directions = steerable.model, steerable.directions
    rows = windows(model, passages)
    edits = [panel.edit(directions) for panel in panels]
    names = [str(panel.resolved(directions)) for panel in panels]
    todo = {json.dumps([index, _digest(row), names]): row for index, row in enumerate(rows)}
    found = stages.lines("prose", list(todo), lambda key: _measure(model, todo[key], edits))
    return {
        panel: ProseCost(
            tuple(len(row) - 1 for row in rows),
            tuple(each["loss"][index] for each in found),
            tuple(each["kl"][index] for each in found),
        )
        for index, panel in enumerate(panels)
    }


def windows(model: ChatModel, passages: Sequence[Passage]) -> list[list[int]]:
    """Return the token ids of consecutive windows; one token alone predicts nothing and goes.

    Where a model's texts begin with a token of their own, every window does.
    """
    start = model.tokenizer.bos_token_id
    head = [] if start is None else [int(start)]
    rows = []
    for passage in passages:
        ids = model.template.encode(passage.text)
        for index in range(0, len(ids), WINDOW):
            row = [*head, *ids[index : index + WINDOW]]
            if len(row) > 1:
                rows.append(row)
    return rows


def _digest(row: Sequence[int]) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16]


def _measure(model: ChatModel, row: Sequence[int], edits: Sequence[Edit | None]) -> dict[str, Any]:
    """Return the mean loss and divergence on one window under every edit.

    Blocks below the first edited one compute what they do in the unedited model: they run once.
    """
    groups = by_first_layer(edits)
    read, baseline = ReadRows.unedited(model, [row], groups)
    baseline = baseline[:, :-1]
    targets = torch.tensor(row[1:], device=model.device)
    loss, _ = cost_along_text(baseline, baseline, targets)
    found = {"loss": loss.tolist() * len(edits), "kl": [0.0] * len(edits)}
    for layer, members in groups.items():
        for start in range(0, len(members), _PANELS):
            part = members[start : start + _PANELS]
            logits = read.under([edits[index] for index in part], layer, panel="one of the edits")
            costs = cost_along_text(baseline, logits[:, :-1], targets)
            for index, *values in zip(part, *(each.tolist() for each in costs), strict=True):
                found["loss"][index], found["kl"][index] = values
    return found
