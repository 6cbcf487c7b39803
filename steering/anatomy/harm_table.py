"""The numbers of `harm.json` as tables, for the command line and the documentation."""

from collections.abc import Sequence

from steering.artifacts.harm_document import (
    QUADRANTS,
    HarmDocument,
    SeparationEntry,
    ShiftEntry,
    cosine,
    counts,
)
from steering.intervals import IntervalEntry


def interval(entry: IntervalEntry | None, sign: bool = False) -> str:
    """Return an estimate with its ends, or a dash."""
    if entry is None:
        return "–"
    form = "+.2f" if sign else ".2f"
    ends = f"{entry['low']:{form}}, {entry['high']:{form}}"
    return f"{entry['estimate']:{form}} [{ends}]".replace("-", "−")


def separation(document: HarmDocument, told: str, axis: str, *, within: bool) -> SeparationEntry:
    """Return the one entry of `separations` that is meant."""
    return next(
        each
        for each in document["separations"]
        if (each["told"], each["axis"], each["within"]) == (told, axis, within)
    )


def markdown(document: HarmDocument) -> str:
    """Return the tables: what each axis tells, where prompts lie, what changes move."""
    axes, counted = document["axes"], counts(document["points"])
    parts = [
        ", ".join(
            f"{name} axis: layer {axis['layer']}, token {axis['position']}"
            for name, axis in axes.items()
        )
        + f"; cosine {cosine(axes):.2f}".replace("-", "−"),
        _table(
            ["told", "axis", "other held equal", "AUC", "random directions"],
            [
                [
                    each["told"],
                    each["axis"],
                    "yes" if each["within"] else "no",
                    interval(each["auc"]),
                    _range(each["random"]),
                ]
                for each in document["separations"]
            ],
        ),
    ]
    parts.append(
        _table(
            ["kind", *QUADRANTS],
            [[kind, *map(str, row.values())] for kind, row in counted.items()],
        )
    )
    inversion = document.get("inversion")
    if inversion:
        parts.append(
            _table(
                ["change", "set", "judgement", "random", "refusal", "random"],
                [
                    [
                        row["name"] if row["strength"] is None else _step(row["name"], row["set"]),
                        row["set"],
                        *_shift(row["judgement"]),
                        *_shift(row["refusal"]),
                    ]
                    for row in inversion["rows"]
                ],
            )
        )
    return "\n\n".join(parts)


def _step(name: str, set_name: str) -> str:
    return f"{'+' if set_name == 'harmless' else '−'} {name} axis"


def _shift(entry: ShiftEntry) -> tuple[str, str]:
    return interval(entry["change"], sign=True), _range(entry["random"], sign=True)


def _range(chance: object, sign: bool = False) -> str:
    if not isinstance(chance, dict):
        return "–"
    form = "+.2f" if sign else ".2f"
    ends = f"{chance['low']:{form}} to {chance['high']:{form}}"
    return f"{chance['mean']:{form}} ({ends})".replace("-", "−")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
