"""Reads requests under edits: the next logits of every row, and the keys and values to go on with.

What is the same for several rows is computed once: below the first block that a row's edit acts
on, every row of a prompt is the unedited model's. Keys and values of two rows with unlike edits
are never shared from there on. What has been read of a row's beginning is not read again.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steering.interventions.edits import Edit, compile_edits, intervene
from steering.models.chat_model import ChatModel, reading
from steering.models.forward import TokenBatch
from steering.models.partial_passes import ending_at, starting_at
from steering.models.row_cache import Kept, cache_of, rows_of

_LOGITS = 2**27
"""Logits that a pass may give: half a gigabyte in float32 (chosen)."""


@dataclass(frozen=True, eq=False)
class Prefill:
    """What has been read of some rows.

    Attributes:
        logits: Of the next token, float32, on the CPU.
        kept: Keys and values of each row, without padding.
    """

    logits: Float[Tensor, "row vocab"]
    kept: Sequence[Kept]


@dataclass(frozen=True, eq=False)
class PartRead:
    """What one pass has found of the rows that were in it.

    Attributes:
        members: Which rows.
        logits: Of their last positions, as many as were asked for, on the model's device.
        kept: Keys and values of the blocks that were run, of each of these rows.
    """

    members: list[int]
    logits: Float[Tensor, "member position vocab"]
    kept: Sequence[Kept]


def prefill(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    *,
    begun: Sequence[Kept] | None = None,
) -> Prefill:
    """Read every row under its edit.

    Args:
        model: One whose rows can join others, see `Abilities.joins`.
        rows: Token ids of each row's prompt.
        edits: Of each row; None leaves it as it is.
        begun: What has been read of the beginning of each row, under its edit.
    """
    logits: dict[int, Tensor] = {}
    kept: dict[int, Kept] = {}
    for part in passes(model, rows, edits, begun=begun):
        logits.update(zip(part.members, part.logits[:, -1].float().cpu(), strict=True))
        kept.update(zip(part.members, part.kept, strict=True))
    order = range(len(rows))
    return Prefill(torch.stack([logits[row] for row in order]), [kept[row] for row in order])


def passes(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    *,
    begun: Sequence[Kept] | None = None,
    keep: int = 1,
) -> Generator[PartRead]:
    """Do what `prefill` does, a pass at a time; every row is in one of them.

    Args:
        model: The same.
        rows: Token ids, what has been read included; each row has one token more at least.
        edits: The same.
        begun: The same.
        keep: Logits of that many last positions are wanted.
    """
    n = model.n_layers
    begun = [[]] * len(rows) if begun is None else begun
    begins = [n if edit is None or edit.is_identity else edit.first_layer for edit in edits]
    sources = _sources(rows, begins)
    top = max(begins)
    blocks = len(set(sources)) * top + sum(n - begin for begin in begins)
    work = _Reading(model, rows, edits, begun, keep)
    if not model.abilities.skips or blocks >= n * len(rows):
        yield from (work.run(part, 0, None) for part in work.parts(range(len(rows))))
        return
    base = sorted(set(sources))
    layers = sorted({begin for begin in begins if 0 < begin < n})
    read, states = work.unedited(base, layers, top)
    for begin in sorted(set(begins)):
        members = [row for row, other in enumerate(begins) if other == begin]
        for part in work.parts(members):
            places = [base.index(sources[row]) for row in part]
            if begin == n:
                kept = [read.kept[place] for place in places]
                yield PartRead(part, read.logits[places], kept)
                continue
            found = work.run(part, begin, states[begin][places] if begin else None)
            below = [read.kept[place][:begin] if begin else [] for place in places]
            kept = [[*under, *above] for under, above in zip(below, found.kept, strict=True)]
            yield PartRead(part, found.logits, kept)


def _sources(rows: Sequence[Sequence[int]], begins: Sequence[int]) -> list[int]:
    """Return, of each row, the row of the same tokens whose edit begins last.

    What is kept of that row's beginning is the unedited model's, as far up as any of them needs.
    """
    best: dict[tuple[int, ...], int] = {}
    for row, tokens in enumerate(map(tuple, rows)):
        if begins[row] > begins[best.setdefault(tokens, row)]:
            best[tokens] = row
    return [best[tuple(row)] for row in rows]


@dataclass(frozen=True, eq=False)
class _Reading:
    """Rows to be read; attributes are the arguments of `passes`."""

    model: ChatModel
    rows: Sequence[Sequence[int]]
    edits: Sequence[Edit | None]
    begun: Sequence[Kept]
    keep: int

    def parts(self, members: Sequence[int]) -> list[list[int]]:
        """Split rows so that the logits of each part can be held at once."""
        vocab = int(self.model.network.config.get_text_config().vocab_size)
        size = max(1, _LOGITS // (self.keep * vocab))
        return [list(members[start : start + size]) for start in range(0, len(members), size)]

    def unedited(
        self, members: Sequence[int], layers: Sequence[int], top: int
    ) -> tuple[PartRead, dict[int, Float[Tensor, "row position d_model"]]]:
        """Read rows without edits up to block `top`, and collect the inputs of `layers`."""
        if top == self.model.n_layers:
            with reading(self.model, layers) as states:
                return self.run(members, 0, None, edited=False), dict(states)
        batch, cache = self._given(members)
        with reading(self.model, layers) as states, ending_at(self.model, top):
            cache = self.model.run_blocks(batch, cache=cache, use_cache=True).cache
        kept = self._unpadded(cache, range(top), members)
        return PartRead(list(members), torch.empty(0, 0, 0), kept), dict(states)

    def run(
        self,
        members: Sequence[int],
        begin: int,
        states: Float[Tensor, "row position d_model"] | None,
        *,
        edited: bool = True,
    ) -> PartRead:
        """Run rows from block `begin` on, whose input is `states`."""
        batch, cache = self._given(members)
        edits = [self.edits[row] if edited else None for row in members]
        program = compile_edits(edits, device=self.model.device)
        if states is not None:  # of rows that were padded to the longest of more rows
            states = states[:, states.shape[1] - batch.tokens.shape[1] :]
        with starting_at(self.model, begin, states), intervene(self.model, program):
            output = self.model.run(batch, keep=self.keep, cache=cache, use_cache=True)
        layers = range(begin, self.model.n_layers)
        kept = self._unpadded(output.cache, layers, members)
        return PartRead(list(members), output.logits[:, -self.keep :], kept)

    def _given(self, members: Sequence[int]) -> tuple[TokenBatch, object]:
        """Return what rows have yet to read, and what they have read."""
        begun = [self.begun[row] for row in members]
        lengths = [_length(kept) for kept in begun]
        batch = self.model.batch(
            [self.rows[row][length:] for row, length in zip(members, lengths, strict=True)]
        )
        if not any(lengths):
            return batch, None
        return batch.after(lengths), cache_of(begun)

    def _unpadded(self, cache: object, layers: range, members: Sequence[int]) -> list[Kept]:
        lengths = [_length(self.begun[row]) for row in members]
        new = [len(self.rows[row]) - length for row, length in zip(members, lengths, strict=True)]
        found = rows_of(cache, layers, max(lengths) + max(new))
        assert found is not None  # models of which it is None do not get here
        return [
            [
                (_own(keys, max(lengths), had, more), _own(values, max(lengths), had, more))
                for keys, values in kept
            ]
            for kept, had, more in zip(found, lengths, new, strict=True)
        ]


def _own(
    held: Float[Tensor, "heads width d"], border: int, had: int, more: int
) -> Float[Tensor, "heads length d"]:
    """Take out the padding on the left of what had been read, and of what was read now."""
    new = held[:, held.shape[1] - more :]
    return torch.cat([held[:, border - had : border], new], dim=1) if had else new


def _length(kept: Kept) -> int:
    return int(kept[0][0].shape[1]) if kept else 0
