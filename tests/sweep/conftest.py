"""Sweeps of the tiny model, each in a work folder of its own."""

import pytest

from steering import intervals
from steering.data.splits import PromptSplits
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.sweep import sweep
from steering.sweep.cells import SweepSettings
from steering.sweep.sweep import run_sweep
from tests.helpers.short_sweep import FACTS, FEW_POINTS, SMALL


@pytest.fixture(autouse=True)
def _small_and_apart(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(intervals, "_RESAMPLES", 99)
    monkeypatch.setattr(sweep, "reference_points", lambda _: FEW_POINTS)


@pytest.fixture(scope="module")
def splits(prompts) -> PromptSplits:
    """Prompts of many lengths."""
    texts = {
        name: [f"{text} {'Please. ' * (i % 4)}" for i, text in enumerate(found[:9])]
        for name, found in prompts.items()
    }
    return PromptSplits({}, texts, {}, "made up")


@pytest.fixture
def swept(tiny, fitted, splits, tmp_path):
    """Sweep a few panels of `tiny`; returns the rows by panel."""

    def run(*panels: str, settings: SweepSettings = SMALL, generated=(), name="out.csv", **grids):
        grids = grids or {"some": [parse(panel) for panel in panels]}
        rows = run_sweep(
            SteerableModel(tiny, fitted),
            splits,
            tmp_path / name,
            provenance=FACTS,
            grid=grids,
            generated=[parse(panel) for panel in generated],
            settings=settings,
        )
        return {row["panel"]: row for row in rows}

    return run
