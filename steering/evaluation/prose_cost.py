"""What an edit costs on neutral prose: loss and KL divergence of every next token.

The text stands alone, without a chat template, and is read in windows.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.data.prose import Passage
from steering.interventions.directions import Directions
from steering.interventions.edits import Edit, Program, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading
from steering.models.partial_passes import starting_at

WINDOW: Final = 128
"""Tokens read at once (chosen: logits of a pass then fit in half a gigabyte)."""
_PANELS: Final = 8
"""Panels in one pass (chosen, for the same reason)."""
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
    groups: dict[int, list[int]] = {}
    for index, edit in enumerate(edits):
        if edit is not None and not edit.is_identity:
            groups.setdefault(min(layer for layer, _ in edit.sites), []).append(index)
    with reading(model, sorted(groups)) as states:
        baseline = _logits(model, [row], {})
    kept = dict(states)
    targets = torch.tensor(row[1:], device=model.device)
    loss, _ = _compared(baseline, baseline, targets)
    found = {"loss": loss.tolist() * len(edits), "kl": [0.0] * len(edits)}
    for layer, members in groups.items():
        for start in range(0, len(members), _PANELS):
            part = members[start : start + _PANELS]
            program = compile_edits([edits[index] for index in part], device=model.device)
            with starting_at(
                model, layer, kept[layer].expand(len(part), -1, -1) if layer else None
            ):
                logits = _logits(model, [row] * len(part), program)
            with intervene(model, program):
                fine = logits.amax(dim=-1).isfinite().all(dim=-1)
                overflow.require(fine, model, [row] * len(part), panel="one of the edits")
            losses, divergences = _compared(baseline, logits, targets)
            for index, one, other in zip(part, losses.tolist(), divergences.tolist(), strict=True):
                found["loss"][index], found["kl"][index] = one, other
    return found


def _logits(
    model: ChatModel, rows: Sequence[Sequence[int]], program: Program
) -> Float[Tensor, "row position vocab"]:
    batch = model.batch(rows)
    with torch.inference_mode(), intervene(model, program):
        output = model.network(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        )
    return output.logits[:, :-1]  # type: ignore[no-any-return]


def _compared(
    baseline: Float[Tensor, "1 position vocab"],
    logits: Float[Tensor, "row position vocab"],
    targets: Int[Tensor, " position"],
) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
    """Return each row's mean loss and mean KL(baseline || row) over the positions, in nats.

    In float32: `metrics.kl_divergence` takes double precision, which is the better part of the
    whole work at a hundred thousand words and thousands of positions. Summed over differences of
    log-probabilities, which are small where the divergence is, so that little is lost (5e-6 of
    the value on random logits).
    """
    loss = torch.zeros(len(logits), device=logits.device)
    divergence = torch.zeros(len(logits), device=logits.device)
    for start in range(0, logits.shape[1], _POSITIONS):
        part = slice(start, start + _POSITIONS)
        before = baseline[0, part].float().log_softmax(dim=-1)
        after = logits[:, part].float().log_softmax(dim=-1)
        wanted = targets[part].expand(len(after), -1)[..., None]
        loss -= after.gather(-1, wanted).sum(dim=(1, 2))
        terms = (before - after).mul_(before.exp())
        divergence += terms.sum(dim=-1).clamp(min=0.0).sum(dim=-1)
    return loss / logits.shape[1], divergence / logits.shape[1]
