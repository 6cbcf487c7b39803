"""The numbers of `harm.json` as tables, for the command line and the documentation."""

from steering.artifacts.harm_document import QUADRANTS, HarmDocument, ShiftEntry, cosine, counts
from steering.formatting import plain, signed, table, with_interval, with_range


def markdown(document: HarmDocument) -> str:
    """Return the tables: what each axis tells, where prompts lie, what changes move."""
    axes, counted = document["axes"], counts(document["points"])
    parts = [
        ", ".join(
            f"{name} axis: layer {axis['layer']}, token {axis['position']}"
            for name, axis in axes.items()
        )
        + f"; cosine {plain(cosine(axes))}",
        table(
            ["told", "axis", "other held equal", "AUC", "random directions"],
            [
                [
                    each["told"],
                    each["axis"],
                    "yes" if each["within"] else "no",
                    with_interval(each["auc"]),
                    with_range(each["random"]),
                ]
                for each in document["separations"]
            ],
        ),
    ]
    parts.append(
        table(
            ["kind", *QUADRANTS],
            [[kind, *map(str, row.values())] for kind, row in counted.items()],
        )
    )
    inversion = document.get("inversion")
    if inversion:
        parts.append(
            table(
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
    return with_interval(entry["change"], signed), with_range(entry["random"], signed)
