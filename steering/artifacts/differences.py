"""What differs between two files of an artifact: numbers by how much, words by where."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict

_SHOWN: Final = 5
"""Largest changes that are told of each file (chosen)."""
_LEFT_OUT: Final = ("table_sha256", "directions_sha256")
"""Keys that say the bytes of another file, which is compared by itself."""


class ChangeEntry(TypedDict):
    """A value that differs: its path, and both values."""

    path: str
    before: str | float | None
    after: str | float | None


class DifferenceEntry(TypedDict):
    """What differs in one file.

    `numbers` counts those in both, `largest` is the largest change of one, `words` counts texts and
    numbers that differ, `changes` are the largest of them, `missing` and `added` paths.
    """

    file: str
    identical: bool
    numbers: int
    largest: float
    changed: int
    changes: list[ChangeEntry]
    missing: list[str]
    added: list[str]


def difference(before: Path, after: Path) -> DifferenceEntry:
    """Return what differs between two files of the same name.

    Args:
        before: The file of the artifact: JSON, CSV or safetensors.
        after: The one that was made again.
    """
    old, new = values_of(before), values_of(after)
    shared = [path for path in old if path in new]
    changes = [path for path in shared if not _same(old[path], new[path])]
    changes.sort(key=lambda path: -_apart(old[path], new[path]))
    numbers = [_apart(old[p], new[p]) for p in shared if isinstance(old[p], int | float)]
    finite = [value for value in numbers if math.isfinite(value)]
    return {
        "file": before.name,
        "identical": before.read_bytes() == after.read_bytes(),
        "numbers": len(numbers),
        "largest": max(finite, default=0.0),
        "changed": len(changes),
        "changes": [
            {"path": path, "before": old[path], "after": new[path]} for path in changes[:_SHOWN]
        ],
        "missing": [path for path in old if path not in new][:_SHOWN],
        "added": [path for path in new if path not in old][:_SHOWN],
    }


def values_of(path: Path) -> dict[str, Any]:
    """Return every value of a file by its path in it.

    Of a tensor these are its shape, its length, and the length of its difference is what a reader
    cannot have from it: so its numbers are taken one by one.
    """
    if path.suffix == ".safetensors":
        return _of_tensors(path)
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(text, newline=""))
        found = {row.get("panel", str(number)): row for number, row in enumerate(rows)}
        return {key: _number(value) for key, value in _leaves(found)}
    return dict(_leaves(json.loads(text)))


def _of_tensors(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return {
        f"{name}[{index}]": float(value)
        for name, tensor in load_file(path).items()
        for index, value in enumerate(tensor.ravel().tolist())
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in _LEFT_OUT:
                yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            # Panels are known by their text, in whatever order they stand.
            name = each.get("panel", index) if isinstance(each, Mapping) else index
            yield from _leaves(each, f"{path}[{name}]")
    else:
        yield path, value


def _number(text: Any) -> Any:  # noqa: ANN401 - a cell
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    return bool(one == other) or (one != one and other != other)


def _apart(one: Any, other: Any) -> float:  # noqa: ANN401 - JSON
    """Return how far two values are apart: words that differ are further than any numbers."""
    if _same(one, other):
        return 0.0
    kinds = (bool, str, type(None))
    if isinstance(one, kinds) or isinstance(other, kinds):
        return math.inf
    return abs(float(one) - float(other))
