"""Nested JSON as flat tables, for files that people open elsewhere."""

import csv
import io
from collections.abc import Iterable, Mapping

from steering.intervals import COLUMN_ENDS, is_entry


def flat(entry: Mapping[str, object]) -> dict[str, object]:
    """Name nested values by their path: `harmful.verdicts.refused`, `scores.0`.

    An interval has the columns of `intervals.COLUMN_ENDS`: `harmful.refusal_rate` and
    `harmful.refusal_rate_low`. What stands beside it in a document is below it.
    """
    found: dict[str, object] = {}
    for key, value in entry.items():
        nested = dict(enumerate(value)) if isinstance(value, list) else value
        if not isinstance(nested, Mapping):
            found[key] = value
            continue
        ends = COLUMN_ENDS if is_entry(nested) else {}
        found |= {f"{key}{ends[end]}": one for end, one in nested.items() if end in ends}
        below = flat({str(inner): one for inner, one in nested.items() if inner not in ends})
        found |= {f"{key}.{inner}": one for inner, one in below.items()}
    return found


def as_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV with a head; a column that one row lacks is empty there."""
    rows = list(rows)
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
