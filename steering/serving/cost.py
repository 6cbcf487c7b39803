"""What a model costs before it can be played with: bytes to fetch, memory, minutes to fit."""

import os
from typing import Final

from steering.sources import catalog, weights
from steering.sources.catalog import CatalogEntry

MINUTES: Final = 13.0
"""Of `precompute --quick` for a model without shipped directions, on two cores without bfloat16
instructions (measured: 25.5 minutes of processor time for the default model's weights)."""
CORES: Final = 2
REFERENCE: Final = catalog.DEFAULT_MODEL


def sentence(model: str) -> str:
    """Return what fetching and fitting a model takes here, for somebody who has to decide.

    Minutes are those of the default model, scaled by weights and processor cores; a GPU takes a
    few.
    """
    entry = catalog.find(model)
    if entry is None:
        return (
            "How large it is is not known here; fitting takes about "
            f"{MINUTES:.0f} minutes for half a billion weights on two processor cores."
        )
    parts = []
    if weights.cached(model) is None:
        gate = "; its licence has to be accepted on the hub first" if entry.gated else ""
        parts.append(f"{download(entry) / 1e9:.1f} GB to fetch{gate}")
    parts.append(f"{2 * entry.weight_bytes['bfloat16'] / 1e9:.1f} GB of memory in float32")
    cores = os.cpu_count() or CORES
    parts.append(f"about {_minutes(entry, cores)} on {cores} processor cores, minutes on a GPU")
    return f"It takes {', '.join(parts)}. You can go on using the page meanwhile."


def download(entry: CatalogEntry) -> int:
    """Return the bytes that are fetched: a GGUF file, or the weights in bfloat16."""
    return entry.gguf.size if entry.gguf else entry.weight_bytes["bfloat16"]


def _minutes(entry: CatalogEntry, cores: int) -> str:
    reference = catalog.catalog()[REFERENCE]
    minutes = MINUTES * entry.parameters / reference.parameters * CORES / cores
    if minutes < 90:
        return f"{max(1, round(minutes))} minutes"
    return f"{minutes / 60:.0f} hours"
