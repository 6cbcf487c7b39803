"""What one point of a direction is worth on validation prompts, next tokens only.

bypass, induce and KL are the scores of Arditi et al. 2024 (sec. 2.3 and app. C); `selection` says
how a point is chosen by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

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
        screened = self.screen(directions, point)
        return Score(
            *point,
            bypass=screened["bypass"],
            induce=screened["induce"],
            induce_twice=self._refusal(self.harmless, _addition(directions, point, 2.0)),
            kl=screened["kl"],
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


def _addition(directions: Directions, point: ExtractionPoint, c: float) -> Edit | None:
    return Panel("actadd", c=c, position=point[0], layer=point[1]).edit(directions)
