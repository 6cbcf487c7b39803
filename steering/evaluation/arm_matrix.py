"""Like compared with like: place x basis x operator x where, by next tokens.

The paper compares an ablation along one direction, on three sites, with a mirror in several
directions, and each has a place of its own. Here every combination is an arm, so that any two can
be compared that differ in one thing. Reading next tokens is cheap; what the claims need answers as
well (`evaluation_arms`).
"""

from collections.abc import Iterator
from typing import Final

from steering.evaluation.evaluation_arms import Arm, distinct
from steering.evaluation.matched_controls import shortest
from steering.interventions.directions import Directions
from steering.interventions.outline import ExtractionPoint
from steering.interventions.panel import Panel

OPERATORS: Final = ((1.0, "block"), (2.0, "input"), (2.0, "block"))
"""alpha and sites: removal, the mirror as it is here, and the mirror of the authors' code."""
_WORDS: Final = {1.0: "removed", 2.0: "mirrored"}
_SITES: Final = {"input": "one site", "block": "three sites"}


def matrix(directions: Directions) -> tuple[Arm, ...]:
    """Return the arms of every combination that the model has directions for."""
    found = []
    for place in dict.fromkeys((directions.dim_point, directions.inlp_point)):
        for what, basis, k in _bases(directions, place):
            for alpha, sites in OPERATORS:
                for where in ("source", "all"):
                    name = "nullspace" if alpha == 1 else "flip"
                    panel = Panel(
                        name,
                        k=k,
                        basis=basis,
                        layer=place[1],
                        position=place[0],
                        where=where,
                        sites=sites,
                    )
                    label = (
                        f"{what} at {place[0]}, {place[1]}: {_WORDS[alpha]}, {_SITES[sites]}, "
                        f"{'every layer' if where == 'all' else 'that layer'}"
                    )
                    found.append(Arm(label, "beyond", shortest(panel, directions)))
    return distinct(found)


def _bases(directions: Directions, place: ExtractionPoint) -> Iterator[tuple[str, str, int]]:
    """Yield name, basis and rank of what there is at a place."""
    known = directions.points
    if (known is None or place in known) and bool(directions.raw(place).any()):
        yield "difference in means", "dim", 1
    rank = directions.inlp_ranks.get(place, 0)
    for k in dict.fromkeys((1, min(directions.default_k, rank)) if rank else ()):
        yield f"INLP, first {k}" if k > 1 else "first INLP direction", "inlp", k
