"""Facts for choosing a model: what it needs, and how well it refuses."""

from typing import Any

from steering.artifacts import store
from steering.sources import catalog


def baseline_refusal(name: str) -> dict[str, Any] | None:
    """Return how much of harmful requests a model refuses untouched, None where nobody measured.

    Returns:
        `rate`, its 95 % interval `ci`, and the number of requests `n`, from the shipped evaluation.
    """
    if name not in store.available():
        return None
    document = store.evaluation(name)
    for entry in (document or {}).get("panels", []):
        if entry["panel"] == "baseline" and "harmful" in entry:
            harmful = entry["harmful"]
            return {
                "rate": harmful["refusal_rate"],
                "ci": harmful["refusal_rate_ci"],
                "n": harmful["n"],
            }
    return None


def needs(entry: catalog.CatalogEntry) -> str:
    """Say what a model takes to fetch and to hold, in gigabytes, and what its hub asks for."""
    memory = ", ".join(f"{size / 1e9:.1f} in {name}" for name, size in entry.weight_bytes.items())
    gate = "; its licence must be accepted on the hub, with a token" if entry.gated else ""
    return f"about {entry.download_bytes / 1e9:.1f} GB to fetch; weights in GB: {memory}{gate}"


def refuses(name: str) -> str:
    """Say how well a model refuses, where that is known."""
    found = baseline_refusal(name)
    if found is None:
        return "not measured yet"
    low, high = found["ci"]
    return f"{found['rate']:.2f} [{low:.2f}, {high:.2f}] of {found['n']} harmful requests"


def rows(name: str) -> list[tuple[str, str]]:
    """Return what the page says of a model of the catalog; nothing of a stranger."""
    entry = catalog.find(name)
    if entry is None:
        return []
    template = [
        text
        for applies, text in (
            (entry.thinking_switch, "can turn thinking on and off"),
            (entry.writes_date, "writes today's date into every prompt"),
        )
        if applies
    ]
    return [
        ("Licence", entry.licence),
        ("Needs", needs(entry)),
        ("Refuses untouched", refuses(entry.name)),
        *([("Template", "; ".join(template))] if template else []),
    ]
