"""A document of other wordings, made by hand: the longer the list, the less it is refused."""

import math
from typing import Any

from steering.artifacts.wording_document import WORDING_SCHEMA, WordingDocument
from steering.data.wordings import WORDINGS

_ARMS = {
    "harmful": ("baseline", "ablation", "flip", "random ablation", "random flip"),
    "harmless": ("baseline", "actadd", "random actadd"),
}


def _interval(estimate: float, reach: float = 0.1, least: float = 0.0) -> dict[str, Any]:
    low, high = max(least, estimate - reach), min(1.0, estimate + reach)
    return {"estimate": estimate, "low": min(low, estimate), "high": max(high, estimate), "n": 2}


def _arm(arm: str, set_name: str, place: int) -> dict[str, Any]:
    untouched = (0.8 if set_name == "harmful" else 0.1) - 0.06 * place * (set_name == "harmful")
    step = {"ablation": -0.2, "flip": -0.15, "actadd": 0.5}.get(arm, -0.02)
    is_baseline, is_control = arm == "baseline", arm.startswith("random")
    change = _interval(step, least=-1.0)
    tested = {**change, "p_value": 0.2}
    return {
        "arm": arm,
        "set": set_name,
        "refused": _interval(untouched if is_baseline else max(0.0, untouched + step)),
        "change": None if is_baseline else tested,
        "beyond_random": None if is_baseline or is_control else change,
        "than_english": _interval(-0.05 * place, least=-1.0) if place else None,
        "not_judged": 1 if place == 5 else 0,
        "degenerate": 0,
        "echoes": 2 if place == 6 else 0,
        "verdicts": ["refused", "answered"],
    }


def _axis(name: str, place: int) -> dict[str, Any]:
    return {
        "axis": name,
        "auc": _interval(0.95 - 0.04 * place),
        "than_english": _interval(-0.04 * place, least=-1.0) if place else None,
        "random": {"mean": 0.6, "low": 0.5, "high": 0.7, "seeds": 20},
    }


def made(n: int = 2) -> WordingDocument:
    """Return a document of `n` pairs in every wording, with a map."""

    def points(place: int, side: float) -> list[list[float]]:
        return [
            [
                side + 0.1 * math.sin(9 * index + place),
                -side * 2 + 0.3 * place + math.sin(3 * index),
                0.4 * place + math.cos(5 * index + side),
            ]
            for index in range(n)
        ]

    document: Any = {
        "schema": WORDING_SCHEMA,
        "model": "tiny",
        "n": n,
        "pairs": list(range(n)),
        "tokens": 48,
        "places": {"dim": [-1, 2], "inlp": [-1, 2]},
        "panels": {"baseline": "baseline", "ablation": "ablation"},
        "map": {
            "position": -1,
            "layer": 2,
            "means": {"harmful": [-2.0, 0.0], "harmless": [2.0, 0.0]},
            "cloud": {"harmful": [[-2.5, 0.5], [-1.5, -0.5]], "harmless": [[2.5, 1.0], [1.5, -1]]},
        },
        "wordings": [
            {
                "wording": key,
                "name": name,
                "along": {
                    "harmful": _interval(0.9 - 0.1 * place, least=-2.0),
                    "harmless": _interval(-0.9, least=-2.0),
                },
                "points": {"harmful": points(place, 1.0), "harmless": points(place, -1.0)},
                "axes": [_axis("dim", place), _axis("inlp", place)],
                "arms": [_arm(arm, each, place) for each, arms in _ARMS.items() for arm in arms],
                "first_token": {"harmful": _interval(0.7)} if not place else None,
            }
            for place, (key, name) in enumerate(WORDINGS.items())
        ],
    }
    return document  # type: ignore[no-any-return]
