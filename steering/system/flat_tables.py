"""Nested JSON as flat tables, for files that people open elsewhere."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any


def flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Name nested values by their path: `harmful.refusal_rate_ci.0`."""
    found: dict[str, Any] = {}
    for key, value in entry.items():
        nested = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(nested, Mapping):
            below = flat({str(inner): one for inner, one in nested.items()})
            found |= {f"{key}.{inner}": one for inner, one in below.items()}
        else:
            found[key] = value
    return found


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a head; a column that one row lacks is empty there."""
    rows = list(rows)
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
