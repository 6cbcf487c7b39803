"""Keys and values of rows that come and go, of unlike lengths, in one block of memory a layer.

A row begins at column 0 of its slot, whatever the others' lengths, so that a row that joins or
leaves moves nobody else. What stands behind a row's end is masked and zero.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

Kept = Sequence[tuple[Float[Tensor, "_heads _length _d"], Float[Tensor, "_heads _length _d"]]]
"""Keys and values of one row, a pair a layer, each [heads, length, d_head]."""

_COLUMNS = 64
"""Memory grows by that many columns (chosen: an answer's usual length)."""
_SEEN = 16
"""Attention sees a multiple of that many columns: its kernels sum the last few of an odd width in
another order, so that a row's last bits would depend on the longest row beside it (measured)."""


def rows_of(cache: Any, layers: range, width: int) -> "list[Kept] | None":  # noqa: ANN401
    """Return what a cache that a pass has left keeps of each row; None if it keeps more than that.

    Windows of sliding attention and states of linear attention are more: such rows cannot join
    others that way.

    Args:
        cache: What a network returned.
        layers: The blocks that were run.
        width: How many tokens were read, padding included.
    """
    if type(cache) is not DynamicCache or len(cache.layers) < layers.stop:
        return None
    chosen = [cache.layers[layer] for layer in layers]
    if any(type(layer) is not DynamicLayer or layer.keys is None for layer in chosen):
        return None
    if any(layer.keys.shape[2] != width for layer in chosen):
        return None
    rows = chosen[0].keys.shape[0]
    return [[(layer.keys[row], layer.values[row]) for layer in chosen] for row in range(rows)]


def cache_of(rows: Sequence[Kept]) -> DynamicCache:
    """Return a network's own cache that holds these rows, with zeros to the left of shorter ones.

    Args:
        rows: Of all layers; the mask has to leave the zeros out.
    """
    cache = DynamicCache()
    width = max(row[0][0].shape[1] for row in rows)
    for layer in range(len(rows[0])):
        keys, values = (
            torch.stack(
                [
                    pad(row[layer][which], (0, 0, width - row[layer][which].shape[1], 0))
                    for row in rows
                ]
            )
            for which in (0, 1)
        )
        cache.update(keys, values, layer)
    return cache


class RowCache(Cache):  # type: ignore[misc]
    """A cache for transformers' networks, of one new token a row and pass.

    Attributes:
        lengths: How many tokens of each row it holds.
    """

    def __init__(self) -> None:
        """Begin without rows; the first ones say how many layers there are."""
        super().__init__(layers=[])
        self.layers: list[_RowLayer] = []
        self.lengths: list[int] = []
        self.places: Int[Tensor, " rows"] = torch.zeros(0, dtype=torch.long)
        self._slots: Int[Tensor, " rows"] = self.places
        self.width = 0

    def append(self, rows: Sequence[Kept]) -> None:
        """Take rows in, behind those that are there."""
        if not rows:
            return
        if not self.layers:
            self.layers = [_RowLayer(self, *pair) for pair in rows[0]]
        begin = len(self.lengths)
        self.lengths.extend(int(row[0][0].shape[1]) for row in rows)
        self._make_room()
        for number, layer in enumerate(self.layers):
            for slot, row in enumerate(rows, begin):
                layer.put(slot, *row[number])

    def remove(self, row: int) -> None:
        """Let a row go; the last one takes its place."""
        last = len(self.lengths) - 1
        if row != last:
            for layer in self.layers:
                layer.put(row, layer.keys[last], layer.values[last])
            self.lengths[row] = self.lengths[last]
        self.lengths.pop()

    def begin_step(self, dtype: torch.dtype) -> Float[Tensor, "rows 1 1 width"]:
        """Make room for one more token a row; return what is added to attention scores."""
        self._make_room()
        device = self.layers[0].keys.device
        self.places = torch.tensor(self.lengths, device=device)
        self._slots = torch.arange(len(self.lengths), device=device)
        self.width = _rounded(max(self.lengths) + 1, _SEEN)
        hidden = torch.arange(self.width, device=device)[None] > self.places[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype, device=device)
        return mask.masked_fill_(hidden, torch.finfo(dtype).min)[:, None, None]

    def end_step(self) -> None:
        """Count the tokens that a pass has added."""
        self.lengths = [length + 1 for length in self.lengths]

    def _make_room(self) -> None:
        columns = _rounded(max(self.lengths) + 1, _COLUMNS)
        for layer in self.layers:
            layer.grow(len(self.lengths), columns)


def _rounded(size: int, step: int) -> int:
    """Return `size` or the next multiple of `step` above it."""
    return -(-size // step) * step


class _RowLayer(DynamicLayer):  # type: ignore[misc]
    def __init__(self, cache: RowCache, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.cache = cache
        self.keys = keys.new_zeros(0, keys.shape[0], 0, keys.shape[2])
        self.values = values.new_zeros(0, values.shape[0], 0, values.shape[2])
        self.is_initialized = True

    def grow(self, rows: int, columns: int) -> None:
        """Have room for so many rows and columns at least."""
        had, heads, width, _ = self.keys.shape
        if rows <= had and columns <= width:
            return
        # Twice as many rows, so that rows that come one by one do not copy all each time.
        rows = had if rows <= had else max(rows, 2 * had)
        columns = max(columns, width)
        for name in ("keys", "values"):
            held = getattr(self, name)
            # Zeros: what is masked counts zero times, and zero times NaN would be NaN.
            wider = held.new_zeros(rows, heads, columns, held.shape[3])
            wider[:had, :, :width] = held
            setattr(self, name, wider)

    def put(self, slot: int, keys: Tensor, values: Tensor) -> None:
        """Lay a row into a slot."""
        for held, row in ((self.keys, keys), (self.values, values)):
            held[slot, :, : row.shape[1]] = row
            held[slot, :, row.shape[1] :] = 0

    def update(
        self,
        key_states: Float[Tensor, "rows heads 1 d_head"],
        value_states: Float[Tensor, "rows heads 1 d_head"],
        *_args: Any,  # noqa: ANN401 - transformers' signature
        **_kwargs: Any,  # noqa: ANN401
    ) -> tuple[Tensor, Tensor]:
        """Write the new token of each row behind its last one; return all that it may see."""
        slots, places = self.cache._slots, self.cache.places
        rows, width = len(slots), self.cache.width
        self.keys[slots, :, places] = key_states[:, :, 0]
        self.values[slots, :, places] = value_states[:, :, 0]
        return self.keys[:rows, :, :width], self.values[:rows, :, :width]
