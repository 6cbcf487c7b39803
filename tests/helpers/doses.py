"""Rows of a sweep with made-up numbers."""

from dataclasses import replace

from steering.interventions.panel import parse
from steering.sweep.sweep_table import SWEEP_COLUMNS, SWEEP_MEASURES, SWEEP_SHARES


def full(panel, directions):
    return str(replace(panel.resolved(directions), order=()))


def row(panel, directions, *, label=None, rate=0.5, kl=0.1, broken=False):
    """Return a row as a sweep gives it, with made-up numbers."""
    resolved = parse(full(panel, directions))
    keys = ("k", "alpha", "c", "layer", "where")
    found = dict.fromkeys(SWEEP_COLUMNS) | {key: getattr(resolved, key) for key in keys}
    found |= {"panel": str(resolved), "name": resolved.name, "label": label, "n": 32.0}
    values = {"harmful_rate": rate, "harmless_rate": 0.1} | dict.fromkeys(SWEEP_MEASURES, 1.0)
    values |= {"kl": kl}
    if not broken:
        for name, value in values.items():
            found |= {name: value, f"{name}_low": value - 0.05, f"{name}_high": value + 0.05}
        found["perplexity"] = 1.5
    if label:
        found["n_answered"] = 16.0
        for group in ("harmful", "harmless"):
            for word in SWEEP_SHARES:
                found[f"{group}_{word}"] = 0.25
    return found
