"""Rank and coefficient at which sliders start, chosen by short answers to validation prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steering.artifacts.evaluation_document import rates_of
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.evaluation.answers import answer_resumably
from steering.evaluation.evaluation import table
from steering.inference.generation import Sampling
from steering.intervals import standard_error
from steering.interventions.directions import Directions
from steering.interventions.outline import Start, start_of
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.verdicts.judgement import REFUSALS

RANKS_TRIED = (1, 2, 3, 4, 6, 8)
"""Ranks among which the starting rank of INLP panels is chosen, as far as INLP kept them."""
COEFFICIENTS_TRIED = (1.0, 1.5, 2.0, 3.0)
"""Coefficients among which the one that induces refusal is chosen."""
INDUCED = 0.8
"""Share of harmless validation prompts that activation addition has to make refused (chosen: at
.75 the coefficient taken induced refusal on only .42 of 60 public harmless requests)."""
CHOICE_TOKENS = 32
"""Length of the answers by which rank and coefficient are chosen (a refusal shows early)."""


@dataclass(frozen=True)
class _Rank:
    """A rank, and the share of answered harmful prompts by the rank that was tried."""

    k: int
    answered: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Starts:
    """Chooses the rank and the coefficient at which the app's sliders start.

    Attributes:
        model: A loaded chat model.
        splits: Its validation prompts are answered.
        stages: Keeps the answers.
        rows_per_batch: Rows that are answered at once.
        prompts: How many of each class are answered, evenly spaced; None for all.
        tokens: Length of the answers.
    """

    model: ChatModel
    splits: PromptSplits
    stages: Stages
    rows_per_batch: int
    prompts: int | None = None
    tokens: int = CHOICE_TOKENS

    def choose(self, directions: Directions) -> tuple[Directions, dict[str, Any]]:
        """Choose by short answers to validation prompts.

        Rank, of flipping and of nullspace projection each by itself: the smallest k whose share of
        answered harmful prompts is within one standard error of the best. Coefficient: the smallest
        c under which at least `INDUCED` of the harmless prompts are refused, else the one under
        which most are.
        """
        flip = self._rank("flip", directions)
        nullspace = self._rank("nullspace", directions)

        additions = {c: Panel("actadd", c=c) for c in COEFFICIENTS_TRIED}
        harmless = self._rates("harmless", list(additions.values()), directions)
        m = len(self._asked("harmless"))
        refused = {
            c: sum(harmless[str(panel)].get(name, 0) for name in REFUSALS) / m
            for c, panel in additions.items()
        }
        enough = [c for c in COEFFICIENTS_TRIED if refused[c] >= INDUCED]
        default_c = enough[0] if enough else max(refused, key=lambda c: refused[c])
        record = {
            "k_answered": _text_keys(flip.answered),
            "nullspace_k_answered": _text_keys(nullspace.answered),
            "c_refused": _text_keys(refused),
        }
        chosen = replace(
            directions,
            default_k=flip.k,
            default_c=default_c,
            nullspace=Start(start_of(directions, "nullspace").point, nullspace.k),
        )
        return chosen, record

    def _rank(self, kind: str, directions: Directions) -> "_Rank":
        """Choose the rank of an intervention by its own answers to harmful prompts."""
        limit = directions.inlp_ranks[start_of(directions, kind).point]
        panels = {k: Panel(kind, k=k) for k in RANKS_TRIED if k <= limit}
        harmful = self._rates("harmful", list(panels.values()), directions)
        n = len(self._asked("harmful"))
        answered = {k: harmful[str(panel)].get("answered", 0) / n for k, panel in panels.items()}
        best = max(answered.values())
        error = standard_error(best, n)
        return _Rank(min(k for k in panels if answered[k] >= best - error), answered)

    def _asked(self, group: str) -> Sequence[str]:
        return evenly(self.splits.validation[group], self.prompts or None)

    def _rates(
        self, group: str, panels: list[Panel], directions: Directions
    ) -> dict[str, dict[str, int]]:
        rows, _ = answer_resumably(
            SteerableModel(self.model, directions),
            {group: self._asked(group)},
            [Panel("baseline"), *panels],
            self.stages,
            sampling=Sampling(max_new_tokens=self.tokens),
            rows_per_batch=self.rows_per_batch,
        )
        found = {entry["panel"]: rates_of(entry, group) for entry in table(rows)}
        return {panel: rates["verdicts"] for panel, rates in found.items() if rates}


def _text_keys(values: Mapping[Any, float]) -> dict[str, float]:
    return {f"{key:g}": value for key, value in values.items()}
