"""A whole precompute in seconds: few prompts, few candidates, short answers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from steering.artifacts import recordings
from steering.data import prose
from steering.data.prose import Passage
from steering.data.splits import PromptSplits
from steering.evaluation import evaluation, extent, scored_arms
from steering.fitting import choice, opener_search, start_values
from steering.interventions.panel import Panel
from steering.sweep import cells, sweep
from tests.helpers.flat_layout import flatten


def make_short(patch: pytest.MonkeyPatch, cache: Path) -> None:
    patch.setenv("STEERING_CACHE", str(cache))
    patch.setattr(evaluation, "TOKENS", 2)
    patch.setattr(opener_search, "OPENING_TOKENS", 2)
    patch.setattr(extent, "LONG_TOKENS", 3)
    patch.setattr(scored_arms, "SCORED_SEEDS", range(2))
    patch.setattr(start_values, "CHOICE_TOKENS", 2)
    patch.setattr(start_values, "RANKS_TRIED", (1, 2))
    patch.setattr(start_values, "COEFFICIENTS_TRIED", (1.0, 2.0))
    patch.setattr(recordings, "RECORDED_CATEGORIES", {"harmless": ("fraud_scams",)})
    patch.setattr(prose, "passages", lambda: (Passage("note", ("A grey cat slept.",)),))
    patch.setattr(sweep, "default_grid", lambda _: {"few": [Panel("flip", k=1)]})
    patch.setattr(sweep, "SweepSettings", partial(cells.SweepSettings, 2, 2, 1, 2, 8))
    patch.setattr(choice, "FULL", choice.Effort(screened=2, finalists=2, tokens=2))
    flatten(patch)


def few_splits() -> PromptSplits:
    own = PromptSplits.own()
    return replace(
        own,
        train={name: texts[:10] for name, texts in own.train.items()},
        validation={name: texts[:4] for name, texts in own.validation.items()},
        test={name: texts[:2] for name, texts in own.test.items()},
    )
