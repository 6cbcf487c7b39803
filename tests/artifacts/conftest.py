"""An artifact in a folder, with what precompute leaves beside it."""

from pathlib import Path

import pytest

from steering.artifacts import store
from steering.system import whole_files


def rate(low: float, high: float) -> dict[str, float]:
    return {"estimate": 0.5, "low": low, "high": high, "n": 2}


@pytest.fixture
def folder(tmp_path, fitted) -> Path:
    """An artifact with all that precompute may leave, and things that it does not."""
    place = tmp_path / "precomputed" / "tiny-qwen2"
    manifest = {
        "weights": {"source": "random", "sha256": "ab" * 32, "revision": None},
        "seed": 42,
        "dim_screening": {"-2,1": {"bypass": 0.5, "kl": 0.1}, "-1,3": {"bypass": -1.0, "kl": 0.2}},
        "dim_scores": [{"position": -1, "layer": 3, "bypass": -1.0, "induce": 2.0}],
    }
    store.write(place, fitted, manifest)
    panels = [
        {
            "panel": "baseline",
            "harmful": {"n": 2, "refusal_rate": rate(0.1, 0.9), "verdicts": {"refused": 1}},
        },
        {
            "panel": "flip:k=2",
            "harmful": {"n": 2, "refusal_rate": rate(0.0, 0.6), "verdicts": {"answered": 2}},
            "kl": 0.5,
        },
    ]
    whole_files.write_json(place / "evaluation.json", {"panels": panels})
    whole_files.write_lines(place / "recordings.jsonl", [{"prompt": "hé"}])
    whole_files.write_file(place / "maps.safetensors", b"maps")
    whole_files.write_file(place / "sweep.csv", b"sweep")
    whole_files.write_file(place / ".hidden.json", b"{}")
    whole_files.write_file(place / "notes.txt~", b"private")
    return place
