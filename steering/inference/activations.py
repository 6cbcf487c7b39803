"""capture(): the residual stream at block inputs, at chosen template positions."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading
from steering.system.progress import stage


def capture(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    *,
    layers: Sequence[int],
    positions: Sequence[int],
    batch_size: int = 16,
    progress: bool = False,
) -> Float[Tensor, "prompt position layer d_model"]:
    """Return the residual stream at the inputs of `layers`, float32, on the CPU.

    Prompts run in batches of similar length, left-padded, through the blocks only (no logits).
    Of each block input only the chosen positions are kept, so memory is
    O(prompts x positions x layers x d_model) beside one pass. A prompt gives the same numbers
    alone, in a batch and padded, up to the rounding of the model's dtype (relative error of a
    state: float32 below 1e-4; bfloat16 below 3e-2, since the attention kernel may differ between
    batch shapes).

    Args:
        model: A loaded chat model; edits that are active on it are seen.
        rows: Token ids of each prompt, as `ChatModel.render` gives them.
        layers: Block indices, from 0.
        positions: Counted from the end: -1 is the last token.
        batch_size: Prompts per forward pass.
        progress: Report how far it is.

    Raises:
        SteeringError: If a layer or position does not exist in the model or in a prompt, or what is
            captured is not finite.
    """
    _check(model, rows, layers, positions)
    kept = torch.empty(len(rows), len(positions), len(layers), model.d_model)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    batch_size = model.together(batch_size)
    shown = stage("activations", len(rows), unit="prompt") if progress else nullcontext()
    with shown as running:
        for start in range(0, len(order), batch_size):
            chunk = order[start : start + batch_size]
            batch = model.batch([rows[index] for index in chunk])
            with reading(model, layers, positions) as states:
                model.run_blocks(batch)
            for index, layer in enumerate(layers):
                kept[chunk, :, index] = states[layer].float().cpu()
            fine = kept[chunk].isfinite().flatten(1).all(dim=1)
            overflow.require(fine, model, [rows[index] for index in chunk])
            if running is not None:
                running.advance(len(chunk))
    return kept


def capture_sets(
    model: ChatModel,
    sets: Mapping[str, Sequence[str]],
    *,
    layers: Sequence[int],
    positions: Sequence[int],
    batch_size: int = 16,
    progress: bool = False,
) -> dict[str, Float[Tensor, "_ position layer d_model"]]:
    """Return `capture` of requests in the model's template, by the name of their set."""
    return {
        name: capture(
            model,
            model.render_all(texts, what=f"{name} prompt"),
            layers=layers,
            positions=positions,
            batch_size=batch_size,
            progress=progress,
        )
        for name, texts in sets.items()
    }


def _check(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    layers: Sequence[int],
    positions: Sequence[int],
) -> None:
    if not rows:
        raise SteeringError("no prompts were given; give at least one")
    for layer in layers:
        if not 0 <= layer < model.n_layers:
            raise SteeringError(
                f"layer {layer} does not exist: {model.name} has blocks 0 to {model.n_layers - 1}"
            )
    shortest = min(len(row) for row in rows)
    for position in positions:
        if not -shortest <= position <= -1:
            raise SteeringError(
                f"position {position} does not exist: positions count from the end, -1 is the "
                f"last token, and the shortest prompt has {shortest} tokens"
            )
