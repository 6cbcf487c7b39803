"""A small document of harm and refusal, made by hand."""

from typing import Any

from steering.artifacts.harm_document import HARM_SCHEMA, HarmDocument

_KINDS = {
    "harmful": [(0.9, 0.8, True), (1.1, -0.7, False)],
    "harmless": [(-0.8, 0.6, True), (-1.2, -0.9, False)],
    "borderline": [(0.2, -0.4, False)],
}


def harm_document(prompt: str = "What is red?", width: int = 4) -> HarmDocument:
    """Return a document of five test prompts, all of one text."""
    axis: dict[str, Any] = {
        "layer": 1,
        "direction": [1.0] + [0.0] * (width - 1),
        "middle": 0.0,
        "half": 1.0,
        "train": (9, 8),
        "validation": 0.8,
    }
    interval = {"estimate": 0.75, "low": 0.5, "high": 0.875, "n": 4}
    chance = {"mean": 0.6, "low": 0.5, "high": 0.7, "seeds": 20}
    shift = {"change": interval, "random": chance}
    document: Any = {
        "schema": HARM_SCHEMA,
        "model": "tiny",
        "axes": {"harm": axis | {"position": -6}, "refusal": axis | {"position": -1}},
        "points": [
            {
                "set": name,
                "prompt": prompt,
                "harm": x,
                "refusal": y,
                "refused": refused,
                "score": y,
            }
            for name, rows in _KINDS.items()
            for x, y, refused in rows
        ],
        "separations": [
            {"told": told, "axis": name, "within": within, "auc": interval, "random": chance}
            for name in ("harm", "refusal")
            for told in ("harm", "refusal")
            for within in (False, True)
        ],
        "correlations": {"harmful": interval},
        "inversion": {
            "question": "Harm?",
            "words": ("Certainly", "No"),
            "untouched": {},
            "auc": interval,
            "rows": [
                {
                    "name": "harm",
                    "strength": 1.0,
                    "set": "harmless",
                    "judgement": shift,
                    "refusal": shift,
                },
                {
                    "name": "ablation",
                    "strength": None,
                    "set": "harmful",
                    "judgement": shift,
                    "refusal": shift,
                },
            ],
        },
    }
    return document  # type: ignore[no-any-return]
