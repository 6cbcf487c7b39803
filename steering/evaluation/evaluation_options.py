"""The options of `evaluate` that a stored evaluation was measured with.

Batches decide rounding, and erasers are arms that nobody would find missing.
"""

from typing import Final

from steering.artifacts.evaluation_document import EvaluationDocument

ERASERS: Final = frozenset({"leace", "ace", "alterrep"})
"""Panels that a comparison has only where they are asked for."""


def measured_with(document: EvaluationDocument) -> list[str]:
    """Return words of a command line; none for what a document does not say."""
    names = {entry["panel"].partition(":")[0] for entry in document.get("panels", ())}
    rows = document.get("rows_per_batch")
    return [*(["--erasers"] if names & ERASERS else []), *(["--rows", str(rows)] if rows else [])]
