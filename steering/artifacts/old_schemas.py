"""Turns documents of earlier schemas into those of this version; numbers stay as they are.

Evaluations of schema 2 held a rate as `rate` and `rate_ci: [low, high]`, and the interval of a
claim's part beside its verdict. Transfer tables of schema 1 held intervals without `n`.
Documents without a `judge_version` were judged by version 1 of the rules, which had one axis: it
did not judge what a text that degenerates does (`broken`, here `not_judged`), and its `complied`
meant no more than that nothing was declined (`answered`).
"""

from collections.abc import Mapping
from typing import Any, Final

from steering.artifacts.evaluation_document import EVALUATION_SCHEMA
from steering.artifacts.transfer_document import TRANSFER_SCHEMA
from steering.data.prompts import LABELS

_CI: Final = "_ci"
"""End of the keys that held the ends of intervals."""
_RENAMED: Final = {"complied": "answered", "broken": "not_judged"}
"""Verdicts of version 1 of the rules, and what they are called now."""


def evaluation(document: Any) -> Any:  # noqa: ANN401 - what a JSON file holds
    """Return an evaluation of an earlier version as one of this, any other document as it is.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: If it is broken.
    """
    if not isinstance(document, Mapping):
        return document
    found = _of_schema_2(document) if document.get("schema") == 2 else document
    if found.get("schema") != EVALUATION_SCHEMA or "judge_version" in found:
        return found
    return _of_one_axis(found)


def _of_one_axis(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return an evaluation whose verdicts are of version 1 of the rules with today's names."""
    changed: dict[str, Any] = {**old, "judge_version": 1}
    changed["panels"] = [
        {key: _renamed(value) if key in LABELS and value else value for key, value in each.items()}
        for each in old.get("panels", [])
    ]
    if (judge := old.get("judge")) and "counts" in judge:
        counts = [[*(_RENAMED.get(name, name) for name in pair), n] for *pair, n in judge["counts"]]
        changed["judge"] = {**judge, "counts": counts}
    return changed


def _renamed(rates: Mapping[str, Any]) -> Mapping[str, Any]:
    if "verdicts" not in rates:
        return rates
    counts = {_RENAMED.get(name, name): count for name, count in rates["verdicts"].items()}
    return {**rates, "verdicts": dict(sorted(counts.items()))}


def _of_schema_2(document: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {**document, "schema": EVALUATION_SCHEMA}
    changed["panels"] = [_panel(each) for each in document.get("panels", [])]
    if claims := document.get("claims"):
        changed["claims"] = [
            {**claim, "parts": [_part(part) for part in claim["parts"]]} for claim in claims
        ]
    if landings := document.get("geometry"):
        changed["geometry"] = {**landings, "panels": [_landing(p) for p in landings["panels"]]}
    if judge := document.get("judge"):
        changed["judge"] = _judge(judge)
    return changed


def transfer(document: Any) -> Any:  # noqa: ANN401 - what a JSON file holds
    """Return a transfer table of schema 1 as one of this version, any other document as it is.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: If it is broken.
    """
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        return document
    n = document["n"]
    return {
        **document,
        "schema": TRANSFER_SCHEMA,
        "baseline": [
            {**each, "refused": _over(n, each["refused"])} for each in document["baseline"]
        ],
        "pairs": [
            {
                **pair,
                "refused": {
                    panel: _over(n, rate)
                    | {
                        name: _over(n, rate[name])
                        for name in ("difference", "from_baseline")
                        if name in rate
                    }
                    for panel, rate in pair["refused"].items()
                },
            }
            for pair in document["pairs"]
        ],
    }


def _panel(old: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _rates(value) if key in LABELS and value else value for key, value in old.items()}


def _rates(old: Mapping[str, Any]) -> dict[str, Any]:
    found = _joined(old, old["n"])
    if difference := old.get("difference"):
        found["difference"] = _over(old["n"], difference)
    return found


def _part(old: Mapping[str, Any]) -> dict[str, Any]:
    ends = {key: old[key] for key in ("estimate", "low", "high")}
    kept = {key: value for key, value in old.items() if key not in (*ends, "n")}
    return {**kept, "interval": None if ends["estimate"] is None else ends | {"n": old["n"]}}


def _landing(old: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {layer: _joined(each, each["n"]) for layer, each in value.items()}
        if isinstance(value, Mapping)
        else value
        for key, value in old.items()
    }


def _judge(old: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(old)
    for name in ("verdict", "refused"):
        if match := old.get(name):
            # A kappa without its interval, as the first versions wrote it, is none.
            changed[name] = {"kappa": None, **_joined({"kappa_ci": None, **match}, old["judged"])}
    if panels := old.get("panels"):
        changed["panels"] = {
            panel: {group: _joined(each, each["n"]) for group, each in groups.items()}
            for panel, groups in panels.items()
        }
    return changed


def _joined(old: Mapping[str, Any], n: int) -> dict[str, Any]:
    """Put values and their ends together: `rate` and `rate_ci` become an interval `rate`."""
    found: dict[str, Any] = {}
    for key, value in old.items():
        if key.endswith(_CI):
            continue
        found[key] = value
        if f"{key}{_CI}" in old:
            ends = old[f"{key}{_CI}"]
            found[key] = ends and {"estimate": value, "low": ends[0], "high": ends[1], "n": n}
    return found


def _over(n: int, old: Mapping[str, Any]) -> dict[str, Any]:
    """Say over how many prompts an interval is, after its ends."""
    ends = {key: old[key] for key in ("estimate", "low", "high")}
    return {**ends, "n": n, **{key: value for key, value in old.items() if key not in ends}}
