"""What a model's code can do without changing its numbers, measured once at load.

Families differ in what they make of padding, of a cache and of blocks that are left out, and no
name tells. So each is tried on a short request, and what does not give the numbers of that request
alone, in one whole pass, is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steering.models.blocks import skipped
from steering.models.forward import TokenBatch, forward, padded
from steering.models.row_cache import RowCache, rows_of

_TOLERANCE: Final = {torch.float32: 0.01, torch.bfloat16: 0.05, torch.float16: 0.05}
"""Largest relative difference of logits that counts as rounding (chosen: five times that of the
default model between batches; models that read their padding differ by 7 to 140 per cent)."""

_NOISE: Final = 4
"""How many times the rounding by a companion still counts as rounding (chosen)."""

_SEES_AHEAD: Final = 0.2
"""Relative difference from which tokens behind a request count as seen (chosen: a model that sees
them differs by .3 and more, and one that does not must not be refused for its rounding)."""

_PADDING: Final = 6
"""Tokens of padding in the trial (chosen: longer than the convolutions of hybrid models)."""


@dataclass(frozen=True)
class Abilities:
    """What may be done with a model.

    Attributes:
        pads: A request gives the same numbers padded on the left.
        caches: Token by token with a cache gives the numbers of a whole pass.
        skips: Blocks may be left out once their output is known; not where blocks hand on more
            than the residual stream, as keys and values that later blocks share.
        causal: A token does not see those after it. What does not hold here writes no text.
        joins: Keys and values are all that a row goes on with, and may stand in a `RowCache`
            beside rows of other lengths.
    """

    pads: bool = True
    caches: bool = True
    joins: bool = True
    skips: bool = True
    causal: bool = True


def measure(
    network: Any,  # noqa: ANN401 - transformers' classes have no common typed interface
    blocks: nn.ModuleList,
    row: Sequence[int],
) -> Abilities:
    """Try a model on one request.

    Args:
        network: The transformers model.
        blocks: Its decoder blocks.
        row: Token ids of the request; at least two.
    """
    with torch.inference_mode():
        states: list[Tensor] = []
        handle = blocks[-1].register_forward_pre_hook(
            lambda _block, args, kwargs: states.append(
                args[0] if args else kwargs["hidden_states"]
            ),
            with_kwargs=True,
        )
        try:
            alone = _next_token(network, [row])
        finally:
            handle.remove()
        if not bool(alone.isfinite().all()):
            return Abilities()  # nothing to compare; reading the logits reports it
        limit = _TOLERANCE.get(network.dtype, 0.05)
        skips = _skips(network, blocks, row, states[-1], alone, limit)
        if _difference(_stepwise(network, row, padded=True), alone) <= limit:
            return Abilities(skips=skips, joins=_joins(network, row, alone, limit))
        # Which of them it was; but what a companion of equal length does is rounding: int8 rounds
        # by the largest activations of the batch, experts by how many tokens they share.
        noise = _difference(_next_token(network, [row[::-1], row])[1:], alone)
        limit = max(limit, _NOISE * noise)
        longer = [*row[-_PADDING:], *row]
        padded = _next_token(network, [longer, row])[1:]
        return Abilities(
            pads=_difference(padded, alone) <= limit,
            caches=_difference(_stepwise(network, row, padded=False), alone) <= limit,
            skips=skips,
            joins=False,
            causal=_difference(_among_others(network, row), alone) <= max(limit, _SEES_AHEAD),
        )


def _joins(network: Any, row: Sequence[int], alone: Tensor, limit: float) -> bool:  # noqa: ANN401
    """Whether the last two tokens of a row can be read beside a longer row, a step each."""
    held = RowCache()
    for begun in ([*row[-_PADDING:], *row[:-2]], row[:-2]):
        output = forward(network, _padded([begun], network), keep=1, use_cache=True)
        blocks = range(network.config.get_text_config().num_hidden_layers)
        kept = rows_of(getattr(output, "cache", None), blocks, len(begun))
        if kept is None:
            return False
        held.append(kept)
    for token in row[-2:]:
        mask = held.begin_step(network.dtype)
        tokens = torch.full((2, 1), token, device=network.device)
        batch = TokenBatch(tokens, mask, held.places[:, None])
        output = forward(network, batch, keep=1, cache=held, use_cache=True)
        held.end_step()
    return _difference(output.logits[-1:, -1].float(), alone) <= limit


def _among_others(network: Any, row: Sequence[int]) -> Tensor:  # noqa: ANN401
    """Return the logits after `row`, with more tokens behind it."""
    logits = forward(network, _padded([[*row, *row[-_PADDING:]]], network)).logits
    return logits[:, len(row) - 1].float()  # type: ignore[no-any-return]


def _skips(
    network: Any,  # noqa: ANN401
    blocks: nn.ModuleList,
    row: Sequence[int],
    states: Tensor,
    alone: Tensor,
    limit: float,
) -> bool:
    plain: list[bool] = []
    handle = blocks[-1].register_forward_hook(
        lambda _block, _args, output: plain.append(isinstance(output, Tensor))
    )
    try:
        with skipped(blocks[:-1], states):
            found = _next_token(network, [row])
    except (LookupError, TypeError, ValueError, AttributeError):
        # What a model's own code raises when it misses something that a block left for it.
        return False
    finally:
        handle.remove()
    # Code that expects a tuple takes a tensor's first row for its first element, in silence.
    return plain == [True] and _difference(found, alone) <= limit


def _stepwise(network: Any, row: Sequence[int], *, padded: bool) -> Tensor | None:  # noqa: ANN401
    """Return the logits after `row`, its last two tokens read from a cache, a step each.

    Two, since some models keep in the first step what is wrong for the second.
    """
    rows = [[*row[-_PADDING:], *row[:-2]], row[:-2]] if padded else [row[:-2]]
    batch = _padded(rows, network)
    output = forward(network, batch, keep=1, use_cache=True)
    for token in row[-2:]:
        if getattr(output, "cache", None) is None:
            return None
        batch = batch.followed_by([token] * len(rows), cached=True)
        output = forward(network, batch, keep=1, cache=output.cache, use_cache=True)
    return output.logits[-1:, -1].float()  # type: ignore[no-any-return]


def _next_token(network: Any, rows: Sequence[Sequence[int]]) -> Float[Tensor, "row vocab"]:  # noqa: ANN401
    return forward(network, _padded(rows, network), keep=1).logits[:, -1].float()  # type: ignore[no-any-return]


def _padded(rows: Sequence[Sequence[int]], network: Any) -> TokenBatch:  # noqa: ANN401
    # Any token may stand under the mask; a real one is more telling than an embedding of zeros.
    return padded(rows, fill=None, device=network.device)


def _difference(found: Tensor | None, expected: Float[Tensor, "1 vocab"]) -> float:
    """Return |found - expected| relative to the spread of the expected logits."""
    if found is None:
        return float("inf")
    spread = (expected - expected.mean()).norm().clamp(min=1e-3 * float(expected.norm()))
    return float((found - expected).norm() / spread.clamp(min=1e-12))
