"""Next tokens under edits: the passes that every measure of an edited model is read from.

Two ways spare work and leave the numbers as they are. Prompts that begin alike under one edit read
their beginning once. Edits that begin above the first block read the blocks below once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from steering.inference.metrics import answer_log_probabilities, perplexity
from steering.interventions.edits import Edit, Program, compile_edits, intervene
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading
from steering.models.forward import TokenBatch
from steering.models.partial_passes import starting_at
from steering.system.progress import tell


def logits_under(
    model: ChatModel, rows: Sequence[Sequence[int]], edit: Edit | None, *, batch_size: int
) -> Float[Tensor, "batch vocab"]:
    """Return next-token logits of every prompt with one edit on all of them, in prompt order.

    What all prompts begin with, the template's system prompt, is the same under the same edit: it
    runs once and its keys and values are shared, which halves the work on short prompts. Not where
    padding between the shared tokens and a shorter row's own would count: in the window of sliding
    attention, and in the state of linear attention.

    Returns:
        float32, on the CPU.

    Raises:
        SteeringError: If the numbers of a prompt are not finite.
    """
    batch_size = model.together(batch_size)
    prefix = common_length(rows) if shares_beginning(model, rows) else 0
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    found: dict[int, Tensor] = {}
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        logits = _shared_prefix_logits(model, [rows[index] for index in chunk], prefix, edit)
        found.update(zip(chunk, logits, strict=True))
        tell("Reading next tokens", start + len(chunk), len(order), "prompt")
    return torch.stack([found[index] for index in range(len(rows))])


def common_length(rows: Sequence[Sequence[int]]) -> int:
    """Count the tokens that all rows begin with, leaving at least one token to each."""
    low, high = min(map(list, rows)), max(map(list, rows))
    limit = min(len(row) for row in rows) - 1
    same = (index for index in range(limit) if low[index] != high[index])
    return next(same, limit)


def _shared_prefix_logits(
    model: ChatModel, rows: Sequence[Sequence[int]], prefix: int, edit: Edit | None
) -> Float[Tensor, "batch vocab"]:
    with intervene(model, compile_edits([edit], device=model.device)):
        rest, cache = after_beginning(model, rows, prefix)
    program = compile_edits([edit] * len(rows), device=model.device)
    with intervene(model, program):
        output = model.run(rest, keep=1, cache=cache, use_cache=True)
    logits: Tensor = output.logits[:, -1].float().cpu()
    panel = None if edit is None else "the edit that is tried"
    _require(overflow.readable_rows(logits), model, rows, program, panel)
    return logits


def after_beginning(
    model: ChatModel, rows: Sequence[Sequence[int]], prefix: int
) -> tuple[TokenBatch, Any]:
    """Read what rows begin with, once, under the edits that are active on the model.

    Returns:
        What is left to read of every row, and the cache to read it with; None without a prefix.
    """
    cache: Any = None
    if prefix:
        first = TokenBatch(torch.tensor([rows[0][:prefix]], device=model.device))
        cache = model.run(first, keep=1, use_cache=True).cache
        cache.batch_repeat_interleave(len(rows))
    return model.batch([row[prefix:] for row in rows]).after([prefix] * len(rows)), cache


def shares_beginning(model: ChatModel, rows: Sequence[Sequence[int]]) -> bool:
    """Whether padding between tokens in the cache and a row's own is left out by the mask alone.

    So it is with keys and values of all tokens, and of a window that holds the longest row.
    """
    if not (model.abilities.caches and model.abilities.pads):
        return False
    first = TokenBatch(torch.tensor([rows[0][:1]], device=model.device))
    cache = model.run_blocks(first, use_cache=True).cache
    kinds = {type(layer).__name__ for layer in cache.layers}
    windows = [getattr(layer, "sliding_window", None) for layer in cache.layers]
    return (
        type(cache).__name__ == "DynamicCache"
        and kinds <= {"DynamicLayer", "DynamicSlidingWindowLayer", "DummyLayer"}
        and all(window is None or max(map(len, rows)) <= window for window in windows)
    )


def _require(
    fine: Bool[Tensor, " batch"],
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    program: Program,
    panel: str | None,
) -> None:
    with intervene(model, program):
        overflow.require(fine, model, rows, panel=panel)


def by_first_layer(edits: Iterable[Edit | None]) -> dict[int, list[int]]:
    """Return the indices of the edits that change something, by the first block that they edit."""
    groups: dict[int, list[int]] = {}
    for index, edit in enumerate(edits):
        if edit is not None and not edit.is_identity:
            groups.setdefault(edit.first_layer, []).append(index)
    return dict(sorted(groups.items()))


@dataclass(frozen=True, eq=False)
class ReadRows:
    """Rows that were read without edits, to be read under many.

    Attributes:
        model: The model.
        rows: Token ids.
        keep: Logits of that many last positions are returned; None for all.
        states: Of the unedited model, the input of each block at which edits begin.
    """

    model: ChatModel
    rows: Sequence[Sequence[int]]
    keep: int | None
    states: Mapping[int, Float[Tensor, "row position d_model"]]

    @classmethod
    def unedited(
        cls,
        model: ChatModel,
        rows: Sequence[Sequence[int]],
        layers: Iterable[int],
        *,
        keep: int | None = None,
    ) -> "tuple[ReadRows, Float[Tensor, 'row position vocab']]":
        """Read rows without edits; return them with their logits."""
        with reading(model, sorted(layers)) as states:
            logits = model.run(model.batch(rows), keep=keep).logits
        return cls(model, rows, keep, dict(states)), logits

    def under(
        self, edits: Sequence[Edit | None], layer: int, *, panel: str | None = None
    ) -> Float[Tensor, "row_edit position vocab"]:
        """Return the logits of every row under every edit, ordered by row, then edit.

        Args:
            edits: What is done; the blocks from `layer` on are run.
            layer: One of `states`, below which none of the edits acts; or 0.
            panel: What an error calls the edits; None lets numbers that are not finite pass.

        Raises:
            SteeringError: If what predicts a token of the row is not finite.
        """
        model, n = self.model, len(edits)
        rows = [row for row in self.rows for _ in edits]
        program = compile_edits([*edits] * len(self.rows), device=model.device)
        states = self.states[layer].repeat_interleave(n, dim=0) if layer else None
        with starting_at(model, layer, states), intervene(model, program):
            logits: Tensor = model.run(model.batch(rows), keep=self.keep).logits
        if panel is not None:
            _require(logits[:, :-1].amax(-1).isfinite().all(-1), model, rows, program, panel)
        return logits


def answer_perplexities(
    logits: Float[Tensor, "row position vocab"], answers: Sequence[Sequence[int]]
) -> Float[Tensor, " row"]:
    """Return the perplexity of the answers that rows end in; nan for an empty one.

    Args:
        logits: Of the last positions, one more than the longest answer has tokens.
        answers: Their token ids.
    """
    tokens, within = _aligned(answers)
    return perplexity(logits[:, :-1], tokens, within)


def answer_losses(
    logits: Float[Tensor, "row position vocab"], answers: Sequence[Sequence[int]]
) -> Float[Tensor, " row"]:
    """Return the summed loss of the answers that rows end in, in nats.

    Args:
        logits: Of the positions before each of the last tokens, as many as the longest answer has
            or more.
        answers: Their token ids.
    """
    tokens, within = _aligned(answers)
    found = answer_log_probabilities(logits[:, logits.shape[1] - tokens.shape[1] :], tokens)
    return -found.where(within.to(found.device), 0.0).sum(dim=-1)


def _aligned(
    answers: Sequence[Sequence[int]],
) -> tuple[Int[Tensor, "row position"], Bool[Tensor, "row position"]]:
    """Return answers that end together as a tensor, and where in it their tokens are."""
    longest = max(map(len, answers))
    tokens = [[0] * (longest - len(answer)) + [*answer] for answer in answers]
    lengths = torch.tensor(list(map(len, answers)))
    within = torch.arange(longest, 0, -1)[None] <= lengths[:, None]
    return torch.tensor(tokens, dtype=torch.long), within
