"""An evaluation as Markdown: the table of the README, the claims, and where prompts land."""

from collections.abc import Mapping
from typing import Any

from steering import geometry
from steering.evaluation import GROUPS


def markdown(document: Mapping[str, Any]) -> str:
    """Return the whole report of a document that `evaluation.evaluate` made."""
    parts = [table(document)]
    if document.get("claims"):
        parts.append("\n".join(f"- {claim['sentence']}" for claim in document["claims"]))
    if document.get("judge"):
        parts.append(_agreement(document["judge"]))
    if document.get("geometry"):
        found = document["geometry"]
        parts.append(geometry.markdown(found["panels"], found["layers"]))
    return "\n\n".join(parts)


def table(document: Mapping[str, Any]) -> str:
    """Return the table of panels: refusal rates with their intervals, looping, cost."""
    entries = document["panels"]
    groups = [name for name in GROUPS if name in entries[0]]
    head = ["panel", ""]
    for name in groups:
        head += [f"{name} refused", "by substring"]
    head += ["looping", "perplexity", "KL", "prose"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for entry in entries:
        cells = [f"`{entry['panel']}`", entry["label"]]
        for name in groups:
            cells += [_rate(entry[name]), f"{entry[name]['substring_rate']:.2f}"]
        looping = max(entry[name]["looping_rate"] for name in groups)
        prose = entry["prose"] and entry["prose"]["perplexity"]
        cost = [entry["perplexity"], entry["kl"]]
        cells += [f"{looping:.2f}", *map(_number, cost), f"{prose:.1f}" if prose else "–"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _rate(rates: Mapping[str, Any]) -> str:
    low, high = rates["refusal_rate_ci"]
    return f"{rates['refusal_rate']:.2f} [{low:.2f}, {high:.2f}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _agreement(judge: Mapping[str, Any]) -> str:
    lines = [f"{judge['judge']} judged {judge['judged']} of {judge['n']} answers."]
    for name, what in (("verdict", "the verdict"), ("refused", "whether an answer refuses")):
        match = judge[name]
        if match:
            low, high = match["raw_ci"]
            share = f"{match['raw']:.2f} [{low:.2f}, {high:.2f}]"
            kappa = _number(match["kappa"])
            lines.append(f"It agrees with the rules on {what} in {share}; Cohen's kappa {kappa}.")
    return " ".join(lines)
