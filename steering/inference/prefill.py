"""Reads requests under edits: the next logits of every row, and the keys and values to go on with.

What is the same for several rows is computed once: below the first block that a row's edit acts
on, every row of a prompt is the unedited model's. Keys and values of two rows with unlike edits
are never shared from there on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steering.interventions.edits import Edit, compile_edits, intervene
from steering.models.chat_model import ChatModel, reading
from steering.models.partial_passes import ending_at, starting_at
from steering.models.row_cache import Kept, rows_of


@dataclass(frozen=True, eq=False)
class Prefill:
    """What has been read of some rows.

    Attributes:
        logits: Of the next token, float32, on the CPU.
        kept: Keys and values of each row, without padding.
    """

    logits: Float[Tensor, "row vocab"]
    kept: Sequence[Kept]


def prefill(
    model: ChatModel, rows: Sequence[Sequence[int]], edits: Sequence[Edit | None]
) -> Prefill:
    """Read every row under its edit.

    Args:
        model: One whose rows can join others, see `Abilities.joins`.
        rows: Token ids of each row's prompt.
        edits: Of each row; None leaves it as it is.
    """
    n = model.n_layers
    begins = [n if edit is None or edit.is_identity else edit.first_layer for edit in edits]
    numbers = {prompt: number for number, prompt in enumerate(dict.fromkeys(map(tuple, rows)))}
    prompt_of = [numbers[tuple(row)] for row in rows]
    top = max(begins)
    blocks = len(numbers) * top + sum(n - begin for begin in begins)
    if not model.abilities.skips or blocks >= n * len(rows):
        return _pass(model, rows, edits, 0, None)
    layers = sorted({begin for begin in begins if 0 < begin < n})
    base, states = _unedited(model, [list(prompt) for prompt in numbers], layers, top)
    logits: dict[int, Tensor] = {}
    kept: dict[int, Kept] = {}
    for begin in sorted(set(begins)):
        members = [row for row, other in enumerate(begins) if other == begin]
        sources = [prompt_of[row] for row in members]
        if begin == n:
            found = Prefill(base.logits[sources], [base.kept[source] for source in sources])
        else:
            found = _pass(
                model,
                [rows[row] for row in members],
                [edits[row] for row in members],
                begin,
                states[begin][sources] if begin else None,
            )
        for row, source, values, above in zip(
            members, sources, found.logits, found.kept, strict=True
        ):
            below = base.kept[source][: begin if begin < n else 0]
            logits[row], kept[row] = values, [*below, *above]
    order = range(len(rows))
    return Prefill(torch.stack([logits[row] for row in order]), [kept[row] for row in order])


def _unedited(
    model: ChatModel, prompts: Sequence[Sequence[int]], layers: Sequence[int], top: int
) -> tuple[Prefill, dict[int, Float[Tensor, "row position d_model"]]]:
    """Read prompts without edits up to block `top`, and collect the inputs of `layers`."""
    if top == model.n_layers:
        with reading(model, layers) as states:
            return _pass(model, prompts, [None] * len(prompts), 0, None), dict(states)
    batch = model.batch(prompts)
    with reading(model, layers) as states, ending_at(model, top):
        cache = model.run_blocks(batch, use_cache=True).cache
    width = batch.tokens.shape[1]
    return Prefill(torch.empty(0, 0), _unpadded(cache, range(top), width, prompts)), dict(states)


def _pass(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    begin: int,
    states: Float[Tensor, "row position d_model"] | None,
) -> Prefill:
    """Run rows from block `begin` on, whose input is `states`."""
    batch = model.batch(rows)
    program = compile_edits(edits, device=model.device)
    with starting_at(model, begin, states), intervene(model, program):
        output = model.run(batch, keep=1, use_cache=True)
    layers = range(begin, model.n_layers)
    kept = _unpadded(output.cache, layers, batch.tokens.shape[1], rows)
    return Prefill(output.logits[:, -1].float().cpu(), kept)


def _unpadded(
    cache: object, layers: range, width: int, rows: Sequence[Sequence[int]]
) -> list[Kept]:
    found = rows_of(cache, layers, width)
    assert found is not None  # models of which it is None do not get here
    return [
        [(keys[:, width - len(row) :], values[:, width - len(row) :]) for keys, values in kept]
        for row, kept in zip(rows, found, strict=True)
    ]
