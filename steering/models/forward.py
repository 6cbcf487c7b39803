"""Token batches, and the one place where a network is called.

What a pass is given decides its last bits, so all passes are given the same things in one way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """Left-padded prompts.

    Attributes:
        tokens: Token ids; padding on the left, so that position -1 is every prompt's last token.
        mask: 1 for a real token, 0 for padding; None where there is no padding. Of rows of unlike
            lengths that go on a token at a time: what is added to attention scores (`row_cache`).
        positions: Place of each token in its own prompt, so that padding does not shift it; None
            counts from the first token on.
    """

    tokens: Int[Tensor, "batch position"]
    mask: Int[Tensor, "batch seen"] | Float[Tensor, "batch 1 1 seen"] | None = None
    positions: Int[Tensor, "batch position"] | None = None

    def after(self, lengths: Sequence[int]) -> "TokenBatch":
        """Return what is read after so many tokens of each row, padded on the left in a cache."""
        assert self.mask is not None
        assert self.positions is not None
        had = torch.tensor(lengths, device=self.tokens.device)[:, None]
        width = max(lengths)
        before = torch.arange(width, device=had.device)[None] >= width - had
        mask = torch.cat([before.to(self.mask.dtype), self.mask], dim=1)
        return TokenBatch(self.tokens, mask, self.positions + had)

    def followed_by(self, tokens: Sequence[int], *, cached: bool) -> "TokenBatch":
        """Return what is read after one more token a row, by a cache or, without one, from anew."""
        assert self.mask is not None
        assert self.positions is not None
        added = torch.tensor(tokens, device=self.tokens.device)[:, None]
        mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
        position = self.positions[:, -1:] + 1
        if cached:
            return TokenBatch(added, mask, position)
        return TokenBatch(
            torch.cat([self.tokens, added], dim=1), mask, torch.cat([self.positions, position], 1)
        )


def padded(
    rows: Sequence[Sequence[int]], *, fill: int | None, device: torch.device | str
) -> TokenBatch:
    """Pad token ids on the left.

    Args:
        rows: Token ids of each prompt.
        fill: The token that stands under the mask; None: each row's first one.
        device: Where the network is.
    """
    width = max(map(len, rows))
    tokens = [[row[0] if fill is None else fill] * (width - len(row)) + list(row) for row in rows]
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return TokenBatch(torch.tensor(tokens).to(device), mask.to(device), positions.to(device))


def forward(
    network: Any,  # noqa: ANN401 - transformers' classes have no common typed interface
    batch: TokenBatch,
    *,
    keep: int | None = None,
    cache: Any = None,  # noqa: ANN401
    use_cache: bool = False,
) -> Any:  # noqa: ANN401
    """Run a network, or its blocks alone, and return its output.

    Args:
        network: The network, or what runs its blocks without the output head.
        batch: What it reads; with a cache, what follows, its mask including what came before.
        keep: Logits of that many last positions only; None for all, and for the blocks alone.
        cache: Keys, values and states of what came before.
        use_cache: Return a cache to go on with, in the output's `cache`.
    """
    options = {"logits_to_keep": keep, "cache": cache}
    return network(
        input_ids=batch.tokens,
        attention_mask=batch.mask,
        position_ids=batch.positions,
        use_cache=use_cache,
        **{name: value for name, value in options.items() if value is not None},
    )
