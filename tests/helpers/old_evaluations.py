"""Evaluations and transfer tables as earlier versions wrote them: what `old_schemas` reads."""

from typing import Any

ENDS = ("estimate", "low", "high")
_WERE = {"answered": "complied", "not_judged": "broken"}


def older(document: dict[str, Any]) -> dict[str, Any]:
    """Return an evaluation of schema 3 in the form of schema 2, judged by the first rules."""
    old = {**document, "schema": 2}
    del old["judge_version"]
    old["panels"] = [
        {
            key: _split(value) if key in ("harmful", "harmless", "borderline") else value
            for key, value in panel.items()
        }
        for panel in document["panels"]
    ]
    old["claims"] = [
        {**claim, "parts": [_part(part) for part in claim["parts"]]} for claim in document["claims"]
    ]
    if document["geometry"]:
        panels = [
            {
                key: {layer: _split(each) for layer, each in value.items()}
                if key != "panel"
                else value
                for key, value in panel.items()
            }
            for panel in document["geometry"]["panels"]
        ]
        old["geometry"] = {**document["geometry"], "panels": panels}
    if judge := document["judge"]:
        rates = {
            panel: {group: _split(each) for group, each in sets.items()}
            for panel, sets in judge["panels"].items()
        }
        matches = {key: judge[key] and _split(judge[key]) for key in ("verdict", "refused")}
        old["judge"] = {**judge, **matches, "panels": rates}
    return old


def older_transfer(document: dict[str, Any]) -> dict[str, Any]:
    """Return a transfer table of schema 2 in the form of schema 1."""

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(each) for each in value]
        if not isinstance(value, dict):
            return value
        dropped = {"n"} if value.keys() >= set(ENDS) else set()
        return {key: without(each) for key, each in value.items() if key not in dropped}

    return {**without(document), "schema": 1}


def _split(rates: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in rates.items():
        if key == "verdicts":
            found[key] = {_WERE.get(name, name): count for name, count in value.items()}
        elif key == "difference":
            found[key] = value and {name: one for name, one in value.items() if name != "n"}
        elif isinstance(value, dict) and "low" in value:
            found |= {key: value["estimate"], f"{key}_ci": [value["low"], value["high"]]}
        elif key == "kappa":
            found |= {key: None, "kappa_ci": None}
        else:
            found[key] = value
    return found


def _part(part: dict[str, Any]) -> dict[str, Any]:
    found = part["interval"]
    ends = {key: found and found[key] for key in ENDS}
    kept = {key: part[key] for key in ("statement", "verdict")}
    return {**kept, **ends, "n": found["n"] if found else 0}
