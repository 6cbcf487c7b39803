"""What one point of a direction is worth on validation prompts, next tokens only.

bypass, induce and KL are the scores of Arditi et al. 2024 (sec. 2.3 and app. C); `selection` says
how a point is chosen by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.data.splits import evenly
from steering.inference.metrics import kl_divergence, refusal_score
from steering.inference.next_token import logits_under
from steering.interventions.directions import Directions, ExtractionPoint
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel
from steering.models.chat_model import ChatModel

MIN_KEPT = 8
"""Prompts of a class that the filter by refusal score must leave (chosen)."""


@dataclass(frozen=True)
class Score:
    """What one point is worth; one row of the saved table.

    Attributes:
        position: Template position, -1 for the last.
        layer: Block input, from 0.
        bypass: Mean refusal score of harmful prompts under the edit, in nats: r ablated everywhere,
            or every direction of INLP flipped or removed at its layer.
        induce: Mean refusal score of harmless prompts, +1 r added at the layer, of INLP the part of
            r in the span of its directions.
        induce_twice: The same with +2 r.
        kl: Mean KL divergence of the edit on harmless prompts, in nats.
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
        ablation = Panel("ablation", layer=point[1], position=point[0]).edit(directions)
        added = [_addition(directions, point, c) for c in (1.0, 2.0)]
        return self._score(point, ablation, added)

    def score_inlp(self, directions: Directions, point: ExtractionPoint, kind: str) -> Score:
        """Return the row for every direction that INLP kept at `point`.

        What is added to induce refusal is the part of the difference in means that lies in their
        span: of difference in means itself that is the whole of it, so that both methods are asked
        for the same.

        Args:
            directions: Fitted there.
            point: (position, layer).
            kind: `flip` or `nullspace`, which is what bypass and KL are of.
        """
        basis = directions.subspace("inlp", point).basis
        edit = Panel(kind, k=len(basis), position=point[0], layer=point[1]).edit(directions)
        inside = (basis @ directions.raw(point)) @ basis
        added = [
            replace(plain, shift=c * inside) if plain else None
            for c in (1.0, 2.0)
            for plain in [_addition(directions, point, c)]
        ]
        return self._score(point, edit, added)

    def _score(
        self, point: ExtractionPoint, edit: Edit | None, added: Sequence[Edit | None]
    ) -> Score:
        kl = kl_divergence(self.harmless_logits, self._logits(self.harmless, edit))
        once, twice = (self._refusal(self.harmless, each) for each in added)
        return Score(
            *point,
            bypass=self._refusal(self.harmful, edit),
            induce=once,
            induce_twice=twice,
            kl=float(kl.mean()),
            n=min(len(self.harmful), len(self.harmless)),
        )

    def first(self, n: int) -> "Bench":
        """Return a bench with `n` prompts of each class at most, evenly spread over it.

        Prompts of a category stand together, so the first of them would be of few categories.
        """
        return self._of(*(_spread(len(rows), n) for rows in self._rows))

    def after(self, n: int) -> "Bench":
        """Return a bench without the prompts that `first` takes.

        A class of which fewer than 8 would be left keeps all of its prompts.
        """
        kept = []
        for rows in self._rows:
            taken = set(_spread(len(rows), n)) if len(rows) - n >= MIN_KEPT else set()
            kept.append([index for index in range(len(rows)) if index not in taken])
        return self._of(*kept)

    @property
    def sizes(self) -> dict[str, int]:
        """Prompts of each class."""
        return {"harmful": len(self.harmful), "harmless": len(self.harmless)}

    @property
    def _rows(self) -> tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]:
        return self.harmful, self.harmless

    def _of(self, harmful: Sequence[int], harmless: Sequence[int]) -> "Bench":
        return replace(
            self,
            harmful=[self.harmful[index] for index in harmful],
            harmless=[self.harmless[index] for index in harmless],
            harmful_logits=self.harmful_logits[list(harmful)],
            harmless_logits=self.harmless_logits[list(harmless)],
        )

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


def _spread(size: int, n: int) -> list[int]:
    """Return the indices of `n` of `size` prompts at most, evenly spread."""
    return evenly(range(size), n)


def _addition(directions: Directions, point: ExtractionPoint, c: float) -> Edit | None:
    return Panel("actadd", c=c, position=point[0], layer=point[1]).edit(directions)
