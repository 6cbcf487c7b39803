"""The choice of (position, layer): where a direction is taken from, and at which layer it acts.

Difference in means (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3 and app. C): every template
position and every layer below 80 % of the depth is tried on validation prompts.

    bypass  mean refusal score of harmful prompts with r ablated everywhere   as low as possible
    induce  mean refusal score of harmless prompts with +1 r added            at least 0
    KL      mean KL(baseline || ablated) of harmless prompts' next token      at most 0.1

So many candidates on so many prompts take half an hour on two cores. So every place is scored
on a few prompts first, and the finalists, the best of these, on all of them (successive halving);
both tables are saved.

INLP (Rocchetti & Ferrara 2026): the highest dev accuracy of the first classifier, then the lowest
refusal score of harmful prompts under flipping. Accuracies on a small dev set that lie within one
standard error of the best cannot be told apart, so all of these go on to the second criterion.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.directions import Directions, Inlp, Place
from steering.errors import SteeringError
from steering.intervention import Edit, compile_edits, intervene
from steering.metrics import kl_divergence, refusal_score
from steering.model import ChatModel
from steering.panel import Panel

SCREENED = 12
"""Prompts of each class in the first round (chosen)."""
FINALISTS = 6
"""Places that go on to the second round (chosen)."""
MIN_KEPT = 8
"""Prompts of a class that the filter by refusal score must leave (chosen)."""
DEPTH = 0.8
"""Share of the blocks, from the first, at which directions are considered (Arditi et al.)."""
MAX_KL = 0.1
"""Largest KL divergence of an ablation that is let through, in nats (Arditi et al.)."""
RELAXED_MAX_KL = 0.2
"""The same, once nothing passed (chosen)."""


@dataclass(frozen=True)
class Score:
    """What one place is worth; one row of the saved table.

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
    def place(self) -> Place:
        """(position, layer)."""
        return self.position, self.layer


@dataclass(frozen=True)
class Choice:
    """A chosen place and how it came about.

    Attributes:
        position: Template position.
        layer: Block input.
        rule: The rule that it passed, in words; names what was relaxed.
        passed: How many places passed that rule.
        tried: How many places were tried.
    """

    position: int
    layer: int
    rule: str
    passed: int
    tried: int

    @property
    def place(self) -> Place:
        """(position, layer)."""
        return self.position, self.layer


RULES: tuple[tuple[str, Callable[[Score], bool]], ...] = (
    (f"induce at +1 r >= 0 and KL <= {MAX_KL}", lambda s: s.induce >= 0 and s.kl <= MAX_KL),
    (
        f"relaxed: induce at +2 r >= 0 and KL <= {MAX_KL}",
        lambda s: s.induce_twice >= 0 and s.kl <= MAX_KL,
    ),
    (
        f"relaxed: induce at +2 r >= 0 and KL <= {RELAXED_MAX_KL}",
        lambda s: s.induce_twice >= 0 and s.kl <= RELAXED_MAX_KL,
    ),
    (f"relaxed: KL <= {RELAXED_MAX_KL}, induce not asked for", lambda s: s.kl <= RELAXED_MAX_KL),
    ("relaxed: no constraint", lambda _: True),
)
"""Tried in this order; the first that any place passes decides. The first is Arditi et al.'s."""


def candidates(positions: Sequence[int], n_layers: int) -> list[Place]:
    """Return every place that is considered: layers 1 to below 80 % of the depth.

    At layer 0 the template tokens are the same for every prompt, so there is no direction.
    """
    return [(p, layer) for p in positions for layer in range(1, int(DEPTH * n_layers))]


def finalists(screened: Mapping[Place, Mapping[str, float]], n: int = FINALISTS) -> list[Place]:
    """Return the `n` places with the lowest bypass, those with a KL within bounds first."""

    def rank(place: Place) -> tuple[int, float]:
        kl = screened[place]["kl"]
        return (kl > MAX_KL) + (kl > RELAXED_MAX_KL), screened[place]["bypass"]

    finite = [place for place, row in screened.items() if all(map(math.isfinite, row.values()))]
    return sorted(finite, key=rank)[:n]


def choose(scores: Iterable[Score]) -> Choice:
    """Return the place with the lowest bypass among those that pass the first rule any passes.

    Raises:
        SteeringError: If the table is empty or a place has a score that is not a number.
    """
    table = [score for score in scores if all(map(math.isfinite, asdict(score).values()))]
    if not table:
        raise SteeringError("the score table has no place with finite scores; nothing to choose")
    for rule, passes in RULES:
        passed = [score for score in table if passes(score)]
        if passed:
            best = min(passed, key=lambda score: score.bypass)
            return Choice(best.position, best.layer, rule, len(passed), len(table))
    raise AssertionError("the last rule lets everything pass")


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

    def score(self, directions: Directions, place: Place) -> Score:
        """Return the row of the score table for difference in means at `place`."""
        position, layer = place
        ablation = Panel("ablation", layer=layer, position=position).edit(directions)
        kl = kl_divergence(self.harmless_logits, self._logits(self.harmless, ablation))
        return Score(
            position,
            layer,
            bypass=self._refusal(self.harmful, ablation),
            induce=self._refusal(self.harmless, _addition(directions, place, 1.0)),
            induce_twice=self._refusal(self.harmless, _addition(directions, place, 2.0)),
            kl=float(kl.mean()),
            n=min(len(self.harmful), len(self.harmless)),
        )

    def screen(self, directions: Directions, place: Place) -> dict[str, float]:
        """Return bypass and KL only: the first round asks what ablation does, and costs."""
        ablation = Panel("ablation", layer=place[1], position=place[0]).edit(directions)
        kl = kl_divergence(self.harmless_logits, self._logits(self.harmless, ablation))
        return {"bypass": self._refusal(self.harmful, ablation), "kl": float(kl.mean())}

    def first(self, n: int) -> "Bench":
        """Return a bench with the first `n` prompts of each class only."""
        return replace(
            self,
            harmful=self.harmful[:n],
            harmless=self.harmless[:n],
            harmful_logits=self.harmful_logits[:n],
            harmless_logits=self.harmless_logits[:n],
        )

    def flip_score(self, directions: Directions, place: Place) -> float:
        """Return the mean refusal score of harmful prompts, flipped with every direction."""
        rank = directions.subspace("inlp", place).rank
        flip = Panel("flip", k=rank, position=place[0], layer=place[1]).edit(directions)
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
    runs once and its keys and values are shared, which halves the work on short prompts.
    """
    prefix = _common_length(rows)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    found: dict[int, Tensor] = {}
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        logits = _shared_prefix_logits(model, [rows[index] for index in chunk], prefix, edit)
        found.update(zip(chunk, logits, strict=True))
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
    rest = model.batch([row[prefix:] for row in rows])
    cache: Any = None
    with torch.inference_mode():
        if prefix:
            first = model.batch([rows[0][:prefix]])
            with intervene(model, compile_edits([edit], device=model.device)):
                cache = model.network(
                    input_ids=first.tokens, logits_to_keep=1, use_cache=True
                ).cache
            cache.batch_repeat_interleave(len(rows))
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
    return output.logits[:, -1].float().cpu()  # type: ignore[no-any-return]


def leading_places(found: Mapping[Place, Inlp], n_dev: int) -> list[Place]:
    """Return the places whose first classifier is within one standard error of the best."""
    accuracy = {place: result.dev_accuracies[0] for place, result in found.items()}
    best = max(accuracy.values())
    error = math.sqrt(max(best * (1 - best), 0.25 / n_dev) / n_dev)
    return [place for place, value in accuracy.items() if value >= best - error]


def choose_inlp(flip_scores: Mapping[Place, float], tried: int) -> Choice:
    """Return the place with the lowest refusal score under flipping.

    Raises:
        SteeringError: If no place has a score that is a finite number.
    """
    finite = {place: score for place, score in flip_scores.items() if math.isfinite(score)}
    if not finite:
        raise SteeringError("no place has a finite score under flipping; nothing to choose")
    best = min(finite, key=lambda place: finite[place])
    rule = "first classifier within one standard error of the best, then lowest score when flipped"
    return Choice(best[0], best[1], rule, len(finite), tried)


def _addition(directions: Directions, place: Place, c: float) -> Edit | None:
    return Panel("actadd", c=c, position=place[0], layer=place[1]).edit(directions)


def as_rows(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Return the table as JSON types."""
    return [asdict(score) for score in scores]
