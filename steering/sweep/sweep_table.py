"""The table of a sweep: its columns, how a cell is summed up, and how it is written and read."""

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from statistics import median
from typing import Final, Literal, TypedDict, cast

from steering.artifacts import folders
from steering.artifacts.manifest_document import ProvenanceEntry
from steering.errors import SteeringError
from steering.intervals import (
    Interval,
    IntervalEntry,
    as_columns,
    from_columns,
    mean_interval,
    wilson,
)
from steering.interventions.panel import Panel
from steering.sweep import old_sweeps
from steering.system import whole_files
from steering.verdicts.judgement import JUDGE_VERSION

SWEEP_SCHEMA: Final = 2
"""Raised whenever a reader of the old table would misread the new one."""
TABLE: Final = "sweep.csv"
"""Name of the table in a model's artifact."""
SWEEP_VERDICTS: Final = ("refused", "hedged", "answered", "evaded", "not_judged", "empty")
"""Verdicts whose shares stand in the table; `refused` is with or without an alternative."""
SWEEP_SHARES: Final = (*SWEEP_VERDICTS, "looping", "gibberish")
"""The same with what the texts end up as, which is counted beside them."""
SWEEP_MEASURES: Final = ("harmful_score", "harmless_score", "kl", "loss")
SETS: Final = ("harmful", "harmless")

_MEASURED: Final = {
    "harmful_score": "mean refusal score of harmful prompts, in nats",
    "harmful_rate": "share of harmful prompts with a refusal probability above .5",
    "harmless_score": "mean refusal score of harmless prompts, in nats",
    "harmless_rate": "share of harmless prompts with a refusal probability above .5",
    "kl": "mean KL divergence of the next token from the baseline's, harmless prompts, in nats",
    "loss": "mean loss on the baseline's answers to harmless prompts, in nats a token",
}
SweepMeasure = Literal[
    "harmful_score", "harmful_rate", "harmless_score", "harmless_rate", "kl", "loss"
]
"""What has an interval."""


class SweepRow(TypedDict):
    """A row of the table; `SWEEP_COLUMNS` says what its numbers mean. None is an empty cell."""

    panel: str
    grids: str | None
    label: str | None
    name: str
    k: float | None
    alpha: float | None
    c: float | None
    layer: float | None
    position: float | None
    where: str | None
    center: str | None
    basis: str | None
    seed: float | None
    side: str | None
    n: float
    harmful_score: float | None
    harmful_score_low: float | None
    harmful_score_high: float | None
    harmful_rate: float | None
    harmful_rate_low: float | None
    harmful_rate_high: float | None
    harmless_score: float | None
    harmless_score_low: float | None
    harmless_score_high: float | None
    harmless_rate: float | None
    harmless_rate_low: float | None
    harmless_rate_high: float | None
    kl: float | None
    kl_low: float | None
    kl_high: float | None
    loss: float | None
    loss_low: float | None
    loss_high: float | None
    perplexity: float | None
    n_answered: float | None
    harmful_refused: float | None
    harmful_hedged: float | None
    harmful_answered: float | None
    harmful_evaded: float | None
    harmful_not_judged: float | None
    harmful_empty: float | None
    harmful_looping: float | None
    harmful_gibberish: float | None
    harmless_refused: float | None
    harmless_hedged: float | None
    harmless_answered: float | None
    harmless_evaded: float | None
    harmless_not_judged: float | None
    harmless_empty: float | None
    harmless_looping: float | None
    harmless_gibberish: float | None


_LEFT_OUT: Final = ("order", "classes", "sites")
"""Fields of a panel without a column: classes stand in its text form, and so do sites that are not
the kind's own."""
SWEEP_COLUMNS: Final[Mapping[str, str]] = {
    "panel": "text form with every default filled in",
    "grids": "names of the grids that the cell belongs to",
    "label": "name of a point of reference; empty for others",
    **{each.name: "key of the panel" for each in fields(Panel) if each.name not in _LEFT_OUT},
    "n": "validation prompts of each class",
    **{
        f"{name}{end}": meaning
        for name, text in _MEASURED.items()
        for end, meaning in (("", text), ("_low", "95 % interval"), ("_high", "95 % interval"))
    },
    "perplexity": "median over the baseline's answers to harmless prompts of exp(loss)",
    "n_answered": "validation prompts of each class that were answered; empty if none",
    **{
        f"{group}_{word}": f"share of answers to {group} prompts"
        for group in SETS
        for word in SWEEP_SHARES
    },
}
"""The columns of the table, in order, with their meaning."""
_TEXTS: Final = ("panel", "grids", "label", "name", "where", "center", "basis", "side")


class SweepFacts(TypedDict):
    """What a sweep says of itself: sizes, see `cells.SweepSettings`, and where it comes from."""

    settings: dict[str, int]
    provenance: ProvenanceEntry


class SweepDocument(SweepFacts):
    """The .json beside the table; `judge_version` is that of the rules behind its verdicts."""

    schema: int
    judge_version: int
    table: str
    table_sha256: str
    columns: dict[str, str]


def summary(values: Mapping[str, Sequence[float | None]]) -> dict[str, float]:
    """Summarise a cell; a measure that is not finite on some prompt stays empty."""
    found: dict[str, float] = {"n": len(values["harmful_score"])}
    numbers = {name: [x for x in raw if x is not None] for name, raw in values.items()}
    broken = {name for name, raw in values.items() if None in raw}
    # An empty answer has no loss, which spoils nothing; an edit that breaks the model does.
    if "kl" not in broken and numbers["loss"]:
        broken.discard("loss")
        found["perplexity"] = math.exp(median(numbers["loss"]))
    for name in numbers.keys() - broken:
        found |= _with_ends(name, mean_interval(numbers[name]))
        if name.endswith("_score"):
            rate = wilson(sum(score > 0 for score in numbers[name]), len(numbers[name]))
            found |= _with_ends(name.replace("score", "rate"), rate)
    return found


def _with_ends(name: str, interval: Interval) -> dict[str, float]:
    """Return the columns of an interval; `n`, which all of a row share, has one of its own."""
    return as_columns(
        name, {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    )


def interval_of(row: SweepRow, name: SweepMeasure) -> IntervalEntry | None:
    """Return a measure of a row; None where the edit broke the model."""
    return from_columns(row, name, int(row["n"]))


def shares_of(row: SweepRow) -> dict[str, float]:
    """Return the shares of judged answers, such as `harmful_refused`; empty where none were."""
    cells: Mapping[str, object] = row
    names = [f"{group}_{word}" for group in SETS for word in SWEEP_SHARES]
    found = {name: cells.get(name) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def write(out: Path, rows: Sequence[SweepRow], facts: SweepFacts) -> None:
    """Write the table and, beside it, what its columns mean and where it comes from."""
    content = as_text(rows).encode()
    whole_files.write_file(out, content)
    document: SweepDocument = {
        "schema": SWEEP_SCHEMA,
        "judge_version": JUDGE_VERSION,
        "table": out.name,
        "table_sha256": hashlib.sha256(content).hexdigest(),
        "columns": dict(SWEEP_COLUMNS),
        **facts,
    }
    whole_files.write_json(out.with_suffix(".json"), document)


def as_text(rows: Iterable[SweepRow]) -> str:
    """Return the table as CSV, six digits a number; that of rows that were read is their file's."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, SWEEP_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: f"{x:.6g}" if isinstance(x, float) else x for key, x in row.items()} for row in rows
    )
    return text.getvalue()


def load(path: Path) -> tuple[list[SweepRow], SweepDocument]:
    """Read a table and what stands beside it: rows with numbers as numbers, None where empty.

    Raises:
        SteeringError: If they are missing, broken, of another schema or of different runs.
    """
    document = whole_files.read_json(path.with_suffix(".json"))
    content = path.read_bytes() if path.is_file() else b""
    if (
        document.get("schema") not in (old_sweeps.SCHEMA, SWEEP_SCHEMA)
        or document.get("table_sha256") != hashlib.sha256(content).hexdigest()
    ):
        raise SteeringError(
            f"{path} and the .json beside it are broken, of different runs, or not of schema "
            f"{SWEEP_SCHEMA}; make them again with `python -m steering sweep`"
        )
    try:
        rows = csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True)
        names = list(rows.fieldnames or ())
        found = [{key: _value(key, cell) for key, cell in row.items()} for row in rows]
        if document["schema"] == old_sweeps.SCHEMA:
            names, found = old_sweeps.columns(names), [old_sweeps.row(each) for each in found]
            document = {**document, "schema": SWEEP_SCHEMA, "columns": dict(SWEEP_COLUMNS)}
        if sorted(names) != sorted(SWEEP_COLUMNS):
            raise ValueError("its columns are not those of this version")  # noqa: TRY301
        return cast(list[SweepRow], found), cast(SweepDocument, {"judge_version": 1, **document})
    except (ValueError, TypeError, csv.Error) as error:  # a cell that is no number, or too few
        raise SteeringError(
            f"{path} cannot be read ({error}); make it again with `python -m steering sweep`"
        ) from error


def read(model: str, folder: Path | None = None) -> list[SweepRow]:
    """Return the rows of a model's shipped table; empty where there is none.

    Raises:
        SteeringError: If the table is broken, or of another schema.
    """
    path = (folder or folders.folder_of(model)) / TABLE
    return load(path)[0] if path.is_file() else []


def measured_in(model: str, folder: Path | None = None) -> str | None:
    """Return the number format in which a model's shipped table was measured; None if unknown."""
    path = (folder or folders.folder_of(model)) / TABLE
    return load(path)[1]["provenance"].get("dtype") if path.is_file() else None


def _value(key: str, cell: str) -> str | float | None:
    return None if cell == "" else cell if key in _TEXTS else float(cell)
