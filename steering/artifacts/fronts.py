"""The front of a choice: the places of which no other does more at a lower cost.

A point is chosen by a rule with a bound on the KL divergence; the front shows what the bound
decided. It is stored by the choice (`fronts` in the manifest). Artifacts of earlier versions have
none, but the scores of the first round, from which the front of directional ablation follows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steering.artifacts.manifest_document import FrontEntry, ManifestFacts


def front(rows: Iterable[Mapping[str, Any]], chosen: Sequence[int] | None) -> list[FrontEntry]:
    """Return the rows that no other row beats in both bypass and KL, by KL; the chosen one as well.

    Args:
        rows: Scores of places: position, layer, bypass, induce, kl, and perhaps n.
        chosen: Position and layer that were chosen.
    """
    ordered = sorted(rows, key=lambda row: (row["kl"], row["bypass"]))
    found: list[FrontEntry] = []
    lowest = float("inf")
    for row in ordered:
        place = [row["position"], row["layer"]]
        is_chosen = chosen is not None and place == list(chosen)
        leads = row["bypass"] < lowest
        if leads or is_chosen:
            found.append(
                {
                    "position": row["position"],
                    "layer": row["layer"],
                    "bypass": row["bypass"],
                    "induce": row["induce"],
                    "kl": row["kl"],
                    "n": row.get("n"),
                    "chosen": is_chosen,
                    "leads": leads,
                }
            )
        lowest = min(lowest, row["bypass"])
    return found


def fronts_of(manifest: ManifestFacts) -> dict[str, list[FrontEntry]]:
    """Return the fronts of a manifest by intervention; of an earlier one that of ablation."""
    if "fronts" in manifest:
        return manifest["fronts"]
    screened = manifest.get("dim_screening")
    if not screened:
        return {}
    choice = manifest.get("dim_choice")
    chosen = (choice["position"], choice["layer"]) if choice else None
    return {"ablation": front(map(_with_point, screened.items()), chosen)}


def _with_point(item: tuple[str, Mapping[str, float]]) -> dict[str, Any]:
    position, layer = map(int, item[0].split(","))
    return {**item[1], "position": position, "layer": layer}
