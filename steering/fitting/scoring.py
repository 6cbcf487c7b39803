"""What one point of a direction is worth on validation prompts, next tokens only.

bypass, induce and KL are the scores of Arditi et al. 2024 (sec. 2.3 and app. C); `selection` says
how a point is chosen by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.inference.metrics import kl_divergence, refusal_score
from steering.interventions.directions import Directions, ExtractionPoint
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.models import overflow
from steering.models.chat_model import ChatModel
from steering.system.progress import tell

MIN_KEPT = 8
"""Prompts of a class that the filter by refusal score must leave (chosen)."""


@dataclass(frozen=True)
class Score:
    """What one point is worth; one row of the saved table.

    Attributes:
        position: Template position, -1 for the last.
        layer: Block input, from 0.
        bypass: Mean refusal score of harmful prompts, r ablated everywhere, in nats.
        induce: Mean refusal score of harmless prompts, +1 r added at the layer.
        induce_twice: The same with +2 r.
        kl: Mean KL divergence of ablation on harmless prompts, in nats.
        n: Prompts of the smaller class behind these means.
    """

    position: int
    layer: int
    bypass: float
    induce: float
    induce_twice: float
    kl: float
    n: int

    @property
    def point(self) -> ExtractionPoint:
        """(position, layer)."""
        return self.position, self.layer


@dataclass(frozen=True, eq=False)
class Bench:
    """The validation prompts of a model with their unedited logits.

    Attributes:
        model: The model.
        harmful: Token ids of harmful validation prompts.
        harmless: Token ids of harmless validation prompts.
        harmful_logits: Unedited next-token logits of `harmful`, float32, on the CPU.
        harmless_logits: The same of `harmless`.
        batch_size: Prompts per forward pass.
    """

    model: ChatModel
    harmful: Sequence[Sequence[int]]
    harmless: Sequence[Sequence[int]]
    harmful_logits: Float[Tensor, "harmful vocab"]
    harmless_logits: Float[Tensor, "harmless vocab"]
    batch_size: int

    @classmethod
    def prepared(
        cls,
        model: ChatModel,
        harmful: Sequence[Sequence[int]],
        harmless: Sequence[Sequence[int]],
        *,
        batch_size: int,
    ) -> "Bench":
        """Keep the prompts whose refusal score has the right sign, as Arditi et al. do."""
        kept = []
        for rows, sign in ((harmful, 1), (harmless, -1)):
            logits = logits_under(model, rows, None, batch_size=batch_size)
            chosen = right_sign(refusal_score(logits, model.opener_ids), sign).tolist()
            kept.append(([rows[index] for index in chosen], logits[chosen]))
        (bad, bad_logits), (good, good_logits) = kept
        return cls(model, bad, good, bad_logits, good_logits, batch_size)

    def score(self, directions: Directions, point: ExtractionPoint) -> Score:
        """Return the row of the score table for difference in means at `point`."""
        position, layer = point
        ablation = Panel("ablation", layer=layer, position=position).edit(directions)
        kl = kl_divergence(self.harmless_logits, self._logits(self.harmless, ablation))
        return Score(
            position,
            layer,
            bypass=self._refusal(self.harmful, ablation),
            induce=self._refusal(self.harmless, _addition(directions, point, 1.0)),
            induce_twice=self._refusal(self.harmless, _addition(directions, point, 2.0)),
            kl=float(kl.mean()),
            n=min(len(self.harmful), len(self.harmless)),
        )

    def screen(self, directions: Directions, point: ExtractionPoint) -> dict[str, float]:
        """Return bypass, induce and KL, all that the first round asks for."""
        ablation = Panel("ablation", layer=point[1], position=point[0]).edit(directions)
        kl = kl_divergence(self.harmless_logits, self._logits(self.harmless, ablation))
        return {
            "bypass": self._refusal(self.harmful, ablation),
            "induce": self._refusal(self.harmless, _addition(directions, point, 1.0)),
            "kl": float(kl.mean()),
        }

    def first(self, n: int) -> "Bench":
        """Return a bench with the first `n` prompts of each class only."""
        return replace(
            self,
            harmful=self.harmful[:n],
            harmless=self.harmless[:n],
            harmful_logits=self.harmful_logits[:n],
            harmless_logits=self.harmless_logits[:n],
        )

    def flip_score(self, directions: Directions, point: ExtractionPoint) -> float:
        """Return the mean refusal score of harmful prompts, flipped with every direction."""
        rank = directions.subspace("inlp", point).rank
        flip = Panel("flip", k=rank, position=point[0], layer=point[1]).edit(directions)
        return self._refusal(self.harmful, flip)

    def _refusal(self, rows: Sequence[Sequence[int]], edit: Edit | None) -> float:
        return float(refusal_score(self._logits(rows, edit), self.model.opener_ids).mean())

    def _logits(
        self, rows: Sequence[Sequence[int]], edit: Edit | None
    ) -> Float[Tensor, "batch vocab"]:
        return logits_under(self.model, rows, edit, batch_size=self.batch_size)


def right_sign(scores: Float[Tensor, " prompt"], sign: int) -> Int[Tensor, " kept"]:
    """Return the indices of the prompts whose refusal score has this sign (Arditi et al., app. A).

    A class of which fewer than 8 would be left keeps all of its prompts: a model that hardly
    refuses would otherwise have nothing to fit on or to choose by.
    """
    right = sign * scores > 0
    if int(right.sum()) < MIN_KEPT:
        right = torch.ones_like(right)
    return right.nonzero()[:, 0]


def logits_under(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edit: Edit | None,
    *,
    batch_size: int,
) -> Float[Tensor, "batch vocab"]:
    """Return next-token logits of every prompt with one edit on all of them, in prompt order.

    What all prompts begin with, the template's system prompt, is the same under the same edit: it
    runs once and its keys and values are shared, which halves the work on short prompts. Not where
    padding between the shared tokens and a shorter row's own would count: in the window of sliding
    attention, and in the state of linear attention.
    """
    batch_size = model.together(batch_size)
    prefix = _common_length(rows)
    if not _shares(model, rows):
        prefix = 0
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    found: dict[int, Tensor] = {}
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        logits = _shared_prefix_logits(model, [rows[index] for index in chunk], prefix, edit)
        found.update(zip(chunk, logits, strict=True))
        tell("Reading next tokens", start + len(chunk), len(order), "prompt")
    return torch.stack([found[index] for index in range(len(rows))])


def _common_length(rows: Sequence[Sequence[int]]) -> int:
    """Count the tokens that all rows begin with, leaving at least one token to each."""
    low, high = min(map(list, rows)), max(map(list, rows))
    limit = min(len(row) for row in rows) - 1
    same = (index for index in range(limit) if low[index] != high[index])
    return next(same, limit)


def _shared_prefix_logits(
    model: ChatModel, rows: Sequence[Sequence[int]], prefix: int, edit: Edit | None
) -> Float[Tensor, "batch vocab"]:
    cache: Any = None
    with torch.inference_mode():
        if prefix:
            first = model.batch([rows[0][:prefix]])
            with intervene(model, compile_edits([edit], device=model.device)):
                cache = model.network(
                    input_ids=first.tokens, logits_to_keep=1, use_cache=True
                ).cache
            cache.batch_repeat_interleave(len(rows))
        rest = model.batch([row[prefix:] for row in rows])
        seen = torch.ones(len(rows), prefix, dtype=rest.mask.dtype, device=model.device)
        program = compile_edits([edit] * len(rows), device=model.device)
        with intervene(model, program):
            output = model.network(
                input_ids=rest.tokens,
                attention_mask=torch.cat([seen, rest.mask], dim=1),
                position_ids=rest.positions + prefix,
                cache=cache,
                logits_to_keep=1,
                use_cache=True,
            )
        logits: Tensor = output.logits[:, -1].float().cpu()
        with intervene(model, program):
            panel = None if edit is None else "the edit that is tried"
            overflow.require(overflow.readable_rows(logits), model, rows, panel=panel)
    return logits


def _shares(model: ChatModel, rows: Sequence[Sequence[int]]) -> bool:
    """Whether padding between tokens in the cache and a row's own is left out by the mask alone.

    So it is with keys and values of all tokens, and of a window that holds the longest row.
    """
    if not (model.abilities.caches and model.abilities.pads):
        return False
    batch = model.batch([rows[0][:1]])
    with torch.inference_mode():
        cache = model.body(input_ids=batch.tokens, use_cache=True).cache
    kinds = {type(layer).__name__ for layer in cache.layers}
    windows = [getattr(layer, "sliding_window", None) for layer in cache.layers]
    return (
        type(cache).__name__ == "DynamicCache"
        and kinds <= {"DynamicLayer", "DynamicSlidingWindowLayer", "DummyLayer"}
        and all(window is None or max(map(len, rows)) <= window for window in windows)
    )


def _addition(directions: Directions, point: ExtractionPoint, c: float) -> Edit | None:
    return Panel("actadd", c=c, position=point[0], layer=point[1]).edit(directions)
