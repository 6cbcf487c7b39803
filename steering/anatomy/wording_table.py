"""The numbers of `wordings.json` as tables, for the command line and the documentation."""

from typing import Final

from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.wording_document import (
    WordedArm,
    WordingDocument,
    WordingEntry,
    arm_of,
    axis_of,
)
from steering.formatting import plain, signed, table, with_interval, with_range

_LEVEL: Final = 0.05
_EDITS = (("ablation", "harmful"), ("flip", "harmful"), ("actadd", "harmless"))


def markdown(document: WordingDocument) -> str:
    """Return two tables: what English directions tell apart, and what edits along them do."""
    rows = document["wordings"]
    told = [
        [
            row["name"],
            *(_axis(row, axis) for axis in ("dim", "inlp")),
            with_interval(row["along"]["harmful"]),
            with_interval(row["along"]["harmless"]),
        ]
        for row in rows
    ]
    head = ["wording", "AUC, difference in means", "AUC, INLP's first", "harmful at", "harmless at"]
    done = [
        [
            row["name"],
            _untouched(row, "harmful"),
            *(_edited(row, arm, set_name) for arm, set_name in _EDITS[:2]),
            _untouched(row, "harmless"),
            _edited(row, *_EDITS[2]),
        ]
        for row in rows
    ]
    refusals = ["wording", "harmful refused", "ablation", "flip", "harmless refused", "addition"]
    return "\n\n".join(
        (
            f"{document['n']} pairs; directions of English prompts at "
            + ", ".join(
                f"layer {layer}, token {position} ({name})"
                for name, (position, layer) in document["places"].items()
            ).replace("-", "−"),
            table(head, told),
            table(refusals, done),
        )
    )


def _axis(row: WordingEntry, name: str) -> str:
    found = axis_of(row, name)
    if found is None:
        return "–"
    chance = found["random"]
    return f"{with_interval(found['auc'])}; random {with_range(chance)}"


def _untouched(row: WordingEntry, set_name: str) -> str:
    found = arm_of(row, "baseline", set_name)
    if found is None:
        return "–"
    return with_interval(found["refused"]) + _beside(found)


def _edited(row: WordingEntry, arm: str, set_name: str) -> str:
    found = arm_of(row, arm, set_name)
    if found is None or found["change"] is None:
        return "–"
    words = f"{plain(found['refused']['estimate'])}, {changed(found['change'])}"
    if found["beyond_random"] is not None:
        words += f"; beyond random {with_interval(found['beyond_random'], signed)}"
    return words + _beside(found)


def _beside(found: WordedArm) -> str:
    counts = {
        "not judged": found["not_judged"],
        "degenerate": found["degenerate"],
        "repeat the request": found["echoes"],
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    return f" ({', '.join(parts)})" if parts else ""


def changed(change: TestedDifference) -> str:
    """Return a change with its interval, and with p where so few answers changed that it may be 0.

    The interval is a bootstrap's, which is too short for a handful of changes; the test is exact.
    """
    words = with_interval(change, signed)
    return words if change["p_value"] <= _LEVEL else f"{words} (p = {plain(change['p_value'])})"
