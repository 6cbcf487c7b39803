"""A made-up table of two number formats."""

from typing import Any

from steering.artifacts.transfer_document import TRANSFER_SCHEMA


def document(run: str = "bfloat16") -> dict[str, Any]:
    """What `python -m steering transfer` writes."""
    rate = {"estimate": 0.25, "low": 0.1, "high": 0.5, "n": 40}
    change = {"estimate": -0.05, "low": -0.2, "high": 0.1, "n": 40, "p_value": 0.5}

    def pair(fit: str, run: str) -> dict[str, Any]:
        return {
            "fit": fit,
            "run": run,
            "dim_cosine": 0.99994,
            "inlp_cosine": 0.9876,
            "t_rms": 0.0123,
            "spread_share": 0.04,
            "verdict": "same",
            "refused": {name: rate | {"difference": change} for name in ("ablation", "flip")},
        }

    return {
        "schema": TRANSFER_SCHEMA,
        "n": 40,
        "pairs": [pair(fit, to) for fit in ("float32", run) for to in ("float32", run)],
        "baseline": [{"run": to, "refused": rate} for to in ("float32", run)],
    }
