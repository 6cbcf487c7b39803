"""The form of `patching.json`, which the command `patch` writes and the page shows."""

from pathlib import Path
from typing import Final, Literal, NotRequired, TypedDict, cast

from steering.artifacts import folders
from steering.artifacts.manifest_document import ProvenanceEntry
from steering.errors import SteeringError
from steering.system import whole_files

PATCHING_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""
PATCHING_FILE: Final = "patching.json"
"""Its name beside the directions."""

Towards = Literal["refusal", "answer"]
"""What the donor's states bring: `refusal`, of a harmful donor in the run of its harmless twin, or
`answer`, the other way round."""


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
    model: str
    n: int
    looked_at: int
    sorted_rightly: int
    layers: list[int]
    columns: list[list[int]]
    tokens: list[str]
    same: list[float]
    basis: str
    point: list[int]
    ranks: list[list[int]]
    restored: dict[str, dict[str, RestoredGrid]]
    over_whole: dict[str, list[int]]
    pairs: list[PatchedPair]
    provenance: NotRequired[ProvenanceEntry]


def read(model: str, folder: Path | None = None) -> PatchingDocument | None:
    """Return what patching found in a model, or None where it was not measured.

    Args:
        model: Its name.
        folder: Of its directions; None for the model's artifact.

    Raises:
        SteeringError: If it is broken, or of another schema.
    """
    path = (folder or folders.folder_of(model)) / PATCHING_FILE
    if not folders.is_file(path):
        return None
    document = whole_files.read_json(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if found == PATCHING_SCHEMA and not _is_whole(document):
        found = "without its grids"
    if found != PATCHING_SCHEMA:
        raise SteeringError(
            f"{path} has schema {found}, this version reads schema {PATCHING_SCHEMA}; measure it "
            f"again with `python -m steering patch --model {model}`"
        )
    return cast(PatchingDocument, document)


def _is_whole(document: dict[str, object]) -> bool:
    """Whether every grid has as many rows and columns as the document says."""
    layers, columns, restored = (document.get(key) for key in ("layers", "columns", "restored"))
    if not (isinstance(layers, list) and isinstance(columns, list) and isinstance(restored, dict)):
        return False
    grids = [
        rows
        for parts in restored.values()
        if isinstance(parts, dict)
        for grid in parts.values()
        if isinstance(grid, dict)
        for rows in (grid.get("mean"), grid.get("low"), grid.get("high"))
    ]
    return bool(grids) and all(
        isinstance(rows, list)
        and len(rows) == len(layers)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
        for rows in grids
    )
