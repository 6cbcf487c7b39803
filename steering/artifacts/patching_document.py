"""The form of `patching.json`, which the command `patch` writes and the page shows."""

from typing import Final, Literal, NotRequired, get_args

from typing_extensions import TypedDict

from steering.artifacts.manifest_document import ProvenanceEntry
from steering.artifacts.measured_document import DocumentKind

PATCHING_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""
PATCHING_FILE: Final = "patching.json"
"""Its name beside the directions."""

Towards = Literal["refusal", "answer"]
"""What the donor's states bring: `refusal`, of a harmful donor in the run of its harmless twin, or
`answer`, the other way round."""
_MAIN: Final = ("whole", "inside", "outside")
_CONTROLS: Final = ("random", "other")


class RestoredGrid(TypedDict):
    """Restored refusal score by layer (rows) and column, over all pairs.

    `mean` is the mean change of the refusal score by the mean difference of donor and receiver,
    `low` and `high` the ends of its 95 % interval, from pairs drawn anew.
    """

    mean: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]


class PatchedPair(TypedDict):
    """One pair.

    Attributes:
        pair: Its number in the prompt set.
        harmful: Refusal score of the harmful request, in nats.
        harmless: That of its twin.
        refusal: Score of the harmless request with each patch, by part, layer and column.
        answer: That of the harmful one.
    """

    pair: int
    harmful: float
    harmless: float
    refusal: dict[str, list[list[float]]]
    answer: dict[str, list[list[float]]]


class PatchingDocument(TypedDict):
    """The whole.

    Attributes:
        schema: `PATCHING_SCHEMA`.
        directions: SHA-256 of the file of directions that it was measured with.
        model: Its name.
        n: Pairs that were patched.
        looked_at: Pairs of the test set that were read, in a fixed random order, until there were
            enough.
        sorted_rightly: Those of them whose harmful request the model scores above 0 and whose twin
            below 0.
        layers: Block inputs.
        columns: The tokens of each column, counted from the end.
        tokens: What each column's token says; nothing where it is the request's own, or several.
        same: Share of pairs whose tokens are the same there.
        basis: `inlp`, or `dim` where INLP was not fitted.
        point: Template position and layer at which INLP edits by default.
        ranks: Directions in U, of each layer and column; 0 of several columns.
        restored: By direction and part, controls among them.
        over_whole: By direction, cells in which the part inside restores more than the whole state
            by a paired interval, and in how many cells that was looked for.
        pairs: What all that is computed from.
    """

    schema: int
    directions: NotRequired[str]
    model: str
    n: int
    looked_at: int
    sorted_rightly: int
    layers: list[int]
    columns: list[list[int]]
    tokens: list[str]
    same: list[float]
    basis: Literal["inlp", "dim"]
    point: list[int]
    ranks: list[list[int]]
    restored: dict[str, dict[str, RestoredGrid]]
    over_whole: dict[str, list[int]]
    pairs: list[PatchedPair]
    provenance: NotRequired[ProvenanceEntry]


def _flaw(document: PatchingDocument) -> str:
    sizes = len(document["layers"]), len(document["columns"])
    if not all(sizes):
        return "no layers or no columns"
    if len(document["point"]) != 2 or len(document["tokens"]) != sizes[1]:
        return "no place of the edits, or other tokens than columns"
    flaws = (_flaw_towards(document, towards, sizes) for towards in get_args(Towards))
    return next(filter(None, flaws), "")


def _flaw_towards(document: PatchingDocument, towards: str, sizes: tuple[int, int]) -> str:
    parts = document["restored"].get(towards, {})
    needed = {*_MAIN, *(_CONTROLS if towards == "refusal" else ())}
    if lacking := needed - parts.keys():
        return f"no {', no '.join(sorted(lacking))} under restored.{towards}"
    for part, grid in parts.items():
        for rows in (grid["mean"], grid["low"], grid["high"]):
            if (len(rows), *{len(row) for row in rows}) != sizes:
                return f"a grid restored.{towards}.{part} of another size than layers and columns"
    if len(document["over_whole"].get(towards, ())) != 2:
        return f"no two counts under over_whole.{towards}"
    return ""


read: Final = DocumentKind(PATCHING_FILE, PATCHING_SCHEMA, PatchingDocument, "patch", _flaw).read
"""Reads it."""
