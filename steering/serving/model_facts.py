"""Facts for choosing a model: what it needs, and how well it refuses."""

from functools import lru_cache

from steering.artifacts import folders, store
from steering.artifacts.evaluation_document import EVALUATION_SCHEMA, rates_of
from steering.evaluation.ranking import baseline_of
from steering.intervals import IntervalEntry
from steering.sources import catalog


def baseline_refusal(name: str) -> IntervalEntry | None:
    """Return how much of harmful requests a model refuses untouched, None where nobody measured.

    Returns:
        The rate with its 95 % interval and the number of requests, from the shipped evaluation.
    """
    path = folders.folder_of(name) / "evaluation.json"
    # Every open page asks twice a second while a model loads.
    return _baseline_refusal(name, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=64)
def _baseline_refusal(name: str, _written: int) -> IntervalEntry | None:
    document = store.evaluation(name)
    if document is None or document["schema"] != EVALUATION_SCHEMA:
        return None
    rates = rates_of(baseline_of(document["panels"]) or {}, "harmful")
    return rates["refusal_rate"] if rates else None


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
    ends = f"[{found['low']:.2f}, {found['high']:.2f}]"
    return f"{found['estimate']:.2f} {ends} of {found['n']} harmful requests"


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
