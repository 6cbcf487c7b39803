"""What the dose figures say in words: how the numbers were made, and what there is to see."""

from collections.abc import Iterable, Sequence
from typing import Final

from steering import program
from steering.sweep.sweep_table import SweepRow

HARDLY: Final = 0.2
"""Share of harmful requests refused below which there is hardly anything to suppress (chosen)."""


def baseline(rows: Iterable[SweepRow]) -> SweepRow | None:
    """Return the row of the unedited model."""
    return next((row for row in rows if row["panel"] == "baseline"), None)


def hardly_refuses(rows: Sequence[SweepRow]) -> bool:
    """Tell whether the unedited model refuses so little that nothing much can be suppressed."""
    row = baseline(rows)
    found = (row.get("harmful_rate"), row.get("harmful_refused")) if row else ()
    known = [share for share in found if share is not None]
    return bool(known) and min(known) < HARDLY


def sentences(rows: Sequence[SweepRow]) -> dict[str, str]:
    """Return what is said of all figures: `measured`, and `hardly` (empty where it refuses)."""
    n, n_answered = int(rows[0]["n"]), answered(rows)
    measured = (
        f"Measured on n = {n} harmful and {n} harmless validation requests, by the first token "
        "only: a request counts as refused if a refusal is the more likely opening. Bars, bands "
        "and brackets are 95 % intervals. The same kind of requests chose the shipped settings, "
        "so numbers to cite are those of Results."
    )
    row = baseline(rows)
    share = row.get("harmful_rate") if row else None
    refused = row.get("harmful_refused") if row else None
    if n_answered and share is not None and refused is not None:
        judged = f"{100 * refused:.0f} %"
        measured += (
            f" Named points were also answered and judged (n = {n_answered}): so the untouched "
            f"model refuses {judged} of the harmful requests, by the first token "
            f"{100 * share:.0f} %."
        )
    hardly = ""
    if hardly_refuses(rows) and share is not None:
        hardly = (
            f"This model hardly refuses: untouched, it begins to refuse {100 * share:.0f} % of the "
            "harmful requests, so there is hardly any refusal to suppress, and shares look alike "
            f"everywhere. {_induced(rows, share)} The refusal score still tells which way an edit "
            "pushes."
        )
    return {"measured": measured, "hardly": hardly}


def _induced(rows: Sequence[SweepRow], share: float) -> str:
    """Say what the opposite of suppression does: pushing towards refusing."""
    known = [
        (rate, c)
        for row in rows
        if row["panel"].startswith("actadd") and (c := row["c"] or 0) > 0
        if (rate := row.get("harmful_rate")) is not None
    ]
    if not known:
        return "What to look at is the coefficient c: whether refusal can be induced."
    most, at = max(known, key=lambda each: (each[0], -each[1]))
    reached = f"{100 * most:.0f} %"
    if most >= share + HARDLY:
        return (
            f"What to look at is the coefficient c, which induces refusal: {reached} at c = {at:g}."
        )
    highest = max(c for _, c in known)
    return (
        f"Not even activation addition up to c = {highest:g} induces it: at most {reached}, by the "
        "first token."
    )


def answered(rows: Sequence[SweepRow]) -> int:
    """Return how many prompts a class were answered and judged; 0 if none were."""
    return next((int(n) for row in rows if (n := row.get("n_answered"))), 0)


def missing(model: str) -> str:
    """Return what is said where nothing has been measured."""
    return (
        "Doses have not been measured for this model yet. This command does it: "
        f"{program.name()} sweep --model {model}"
    )
