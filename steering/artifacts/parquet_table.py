"""Tables as Parquet, on a disk or an object store: one row an observation, a type a column."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steering.errors import SteeringError

PROVENANCE_KEY: Final = "provenance"
"""Under which the file's metadata says, as JSON, how its numbers can be made again."""


def require(url: str) -> None:
    """Refuse a table that could not be written in the end, before anything is measured.

    Args:
        url: A file, or what fsspec knows: `s3://`, `gs://`, `memory://` and others.

    Raises:
        SteeringError: If a package is missing, or nobody knows such an address.
    """
    try:
        import fsspec
        import pyarrow.parquet  # noqa: F401 - whether it is there
    except ImportError as error:
        raise SteeringError(
            f"Parquet needs {error.name}, which is not installed; run `pip install "
            "'refusal-steering-playground[cluster]'`, or leave --parquet out"
        ) from error
    try:
        fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise SteeringError(
            f"cannot write to {url!r} ({error}); give a file, or a URL such as s3://bucket/name"
        ) from error


def write(url: str, rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> None:
    """Write a table; a reader sees the old one or the new one, on a disk as on an object store.

    Args:
        url: As in `require`.
        rows: Each with the same keys; values are numbers, texts, truth values or None.
        provenance: JSON types.

    Raises:
        SteeringError: If it cannot be written.
    """
    require(url)
    import fsspec
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([dict(row) for row in rows])
    facts = {PROVENANCE_KEY: json.dumps(dict(provenance), sort_keys=True)}
    table = table.replace_schema_metadata(facts)
    system, path = fsspec.core.url_to_fs(url)
    partial = f"{path}.partial"
    try:
        system.makedirs(system._parent(path), exist_ok=True)
        with system.open(partial, "wb") as file:
            pyarrow.parquet.write_table(table, file)
        system.mv(partial, path)
    except OSError as error:
        raise SteeringError(f"{url} could not be written: {error}") from error
