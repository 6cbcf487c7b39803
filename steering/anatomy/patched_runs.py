"""Runs of one request in which some of its states are replaced: activation patching.

A patch replaces the residual stream at the input of one block, at a few tokens. Blocks below it and
tokens before it compute what they do without it: a run begins at its block with the request's own
states, and at the first patched token with the request's own keys and values. Nothing is hooked: a
block is given other inputs (`partial_passes`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.metrics import refusal_score
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading
from steering.models.partial_passes import starting_at
from steering.models.row_cache import Kept, cache_of, rows_of

PATCH_ROWS = 48
"""Patches in one pass (chosen: their logits are 30 MB of the default model)."""


@dataclass(frozen=True, eq=False)
class Patch:
    """States that stand in for a request's own.

    Attributes:
        layer: At the input of this block, from 1 on: the input of block 0 is the token itself.
        positions: Of which tokens, counted from the end: -1 is the last one.
        states: What stands there, in the order of `positions`.
    """

    layer: int
    positions: tuple[int, ...]
    states: Float[Tensor, "position d_model"]


@dataclass(frozen=True, eq=False)
class ReadRequest:
    """A request that was read without patches.

    Attributes:
        ids: Its tokens.
        own: Its residual stream at the input of each block asked for, in the model's own number
            format, on its device.
        kept: Its keys and values; None where a run cannot go on from them.
        score: Its refusal score, in nats.
    """

    ids: Sequence[int]
    own: dict[int, Float[Tensor, "position d_model"]]
    kept: Kept | None
    score: float


def read(
    model: ChatModel, ids: Sequence[int], layers: Sequence[int], *, tokens: int = 1
) -> ReadRequest:
    """Read a request, and keep what its patched runs need.

    Args:
        model: A loaded chat model.
        ids: Of the request in its template.
        layers: Blocks whose inputs are kept, from 1 on.
        tokens: How many of the last tokens will be patched.

    Raises:
        SteeringError: If there is no such block or token, or the numbers are not finite.
    """
    _require(model, ids, layers, tokens)
    with reading(model, layers) as states:
        output = model.run(model.batch([ids]), keep=1, use_cache=True)
    logits = output.logits[:, -1].float().cpu()
    overflow.require(overflow.readable_rows(logits), model, [ids])
    found = None
    if model.abilities.joins and model.abilities.skips:
        found = rows_of(output.cache, range(model.n_layers), len(ids))
    kept = found[0] if found else None
    own = {layer: states[layer][0] for layer in layers}
    return ReadRequest(ids, own, kept, float(refusal_score(logits, model.opener_ids)[0]))


def scores(
    model: ChatModel, request: ReadRequest, patches: Sequence[Patch], *, rows: int = PATCH_ROWS
) -> Iterator[tuple[int, float]]:
    """Yield the index of every patch and the refusal score of the run with it, pass by pass.

    Args:
        model: The model that read the request.
        request: Whose run is patched.
        patches: At layers that were kept of it.
        rows: In one pass.

    Raises:
        SteeringError: If numbers are not finite.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for index, patch in enumerate(patches):
        start = len(request.ids) + min(patch.positions) if request.kept else 0
        groups.setdefault((patch.layer, start), []).append(index)
    for (layer, start), members in sorted(groups.items()):
        for first in range(0, len(members), rows):
            some = members[first : first + rows]
            found = _run(model, request, (layer, start), [patches[index] for index in some])
            yield from zip(some, found, strict=True)


def _run(
    model: ChatModel, request: ReadRequest, begin: tuple[int, int], patches: Sequence[Patch]
) -> list[float]:
    """Return the scores of patches that begin at one block and one token."""
    layer, start = begin
    own = request.own[layer][start:]
    states = own.repeat(len(patches), 1, 1)
    for row, patch in enumerate(patches):
        states[row, list(patch.positions)] = patch.states.to(own)
    batch, cache = model.batch([request.ids[start:]] * len(patches)), None
    if start and request.kept:
        batch = batch.after([start] * len(patches))
        before = [(keys[:, :start], values[:, :start]) for keys, values in request.kept]
        cache = cache_of([before] * len(patches))
    with starting_at(model, layer, states):
        output = model.run(batch, keep=1, cache=cache, use_cache=cache is not None)
    logits = output.logits[:, -1].float().cpu()
    if not bool(overflow.readable_rows(logits).all()):
        raise SteeringError(
            f"the numbers of {model.name} are not finite with another request's states at layer "
            f"{layer}; try another number format"
        )
    found: list[float] = refusal_score(logits, model.opener_ids).tolist()
    return found


def _require(model: ChatModel, ids: Sequence[int], layers: Sequence[int], tokens: int) -> None:
    for layer in layers:
        if not 1 <= layer < model.n_layers:
            raise SteeringError(
                f"states cannot be replaced at layer {layer}: {model.name} allows 1 to "
                f"{model.n_layers - 1}, since the input of block 0 is the token itself"
            )
    if not 1 <= tokens <= len(ids):
        raise SteeringError(
            f"{tokens} tokens cannot be patched: the request has {len(ids)} in its template; "
            "take fewer, or a longer request"
        )
