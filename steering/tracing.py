"""Where a request goes: its residual stream under every panel, read in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steering.directions import Directions
from steering.errors import SteeringError
from steering.intervention import compile_edits, intervene
from steering.maps import Maps
from steering.model import ChatModel, reading
from steering.panel import Panel


@dataclass(frozen=True, eq=False)
class Trace:
    """What one forward pass under every panel shows; layers are those of the maps.

    Attributes:
        panels: The panels' text forms.
        states: The residual stream after the edit, at the template position of the maps, on the
            CPU in float32.
        tokens: Of each panel, the texts of the request's and the answer's tokens.
        t: Of each panel, the landing coordinate of every token at every layer: 0 at the mean of
            the harmful training prompts, 1 at that of the harmless ones. The means are those of
            one template position, so of other tokens t says the side, not the class.
    """

    panels: tuple[str, ...]
    states: Float[Tensor, "panel layer d_model"]
    tokens: tuple[tuple[str, ...], ...]
    t: tuple[Float[Tensor, "_ layer"], ...]


def trace(
    model: ChatModel,
    directions: Directions,
    maps: Maps,
    prompt: str,
    panels: Sequence[Panel],
    *,
    answers: Sequence[str] | None = None,
) -> Trace:
    """Read the residual stream of a request, and of its answers if given, under every panel.

    One forward pass, a row a panel, without logits; the edits act on every token, as they do
    while the model writes.

    Args:
        model: A loaded chat model.
        directions: Its directions.
        maps: Its maps; say which layers and which template position are read.
        prompt: The request.
        panels: What is done to each row.
        answers: What follows the request in each row; None reads the request alone. An answer's
            tokens are those of its text, which is what the visitor sees.

    Raises:
        SteeringError: If the request, a panel or the maps do not fit this model.
    """
    directions.require(model.name, n_layers=model.n_layers, d_model=model.d_model)
    maps.require(model)
    if not panels:
        raise SteeringError("no panels were given; give at least one, for example `baseline`")
    request = model.render(prompt)
    written = [_encode(model, text) for text in answers] if answers else [[] for _ in panels]
    rows = [[*request, *ids] for ids in written]
    program = compile_edits([p.edit(directions) for p in panels], device=model.device)
    batch = model.batch(rows)
    width = batch.tokens.shape[1]
    # Padding is on the left, so an answer's length says where its request ends.
    places = torch.tensor([width - len(ids) + maps.position for ids in written])
    at = torch.arange(len(rows))
    # While transformers loads another model, torch's default dtype is that model's.
    states = torch.empty(len(rows), len(maps.layers), model.d_model, dtype=torch.float32)
    t = torch.empty(len(rows), width, len(maps.layers), dtype=torch.float32)
    # The edits' hooks come first, so that what is read has been edited.
    with (
        torch.inference_mode(),
        intervene(model, program),
        reading(model, maps.layers) as read,
    ):
        model.network.base_model(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        )
    for index, layer in enumerate(maps.layers):
        stream = read[layer].float().cpu()
        states[:, index] = stream[at, places]
        t[:, :, index] = maps.at(layer).t(stream)
    return Trace(
        panels=tuple(str(panel) for panel in panels),
        states=states,
        tokens=tuple(tuple(model.tokenizer.decode([token]) for token in row) for row in rows),
        t=tuple(t[row, width - len(ids) :] for row, ids in enumerate(rows)),
    )


def _encode(model: ChatModel, text: str) -> list[int]:
    ids = model.tokenizer.encode(text, add_special_tokens=False)
    return [int(token) for token in ids]
