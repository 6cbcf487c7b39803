"""JSON as the standard has it: there is no NaN and no infinity in it; null says "not a number"."""

import json
import math
from collections.abc import Mapping
from typing import Any


def dumps(document: Any, *, indent: int | None = None, ensure_ascii: bool = False) -> str:  # noqa: ANN401
    """Return a document as JSON that every reader takes.

    Args:
        document: JSON types; a number that is not finite becomes null.
        indent: Spaces a level; None for one line.
        ensure_ascii: Whether to escape every character beyond ASCII. Half a character (a lone
            surrogate, as in the name of a file that is not UTF-8) is escaped in any case.
    """
    text = json.dumps(finite(document), indent=indent, ensure_ascii=ensure_ascii, allow_nan=False)
    # Python's escape of a surrogate, \udc80, happens to be that of JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def finite(document: Any) -> Any:  # noqa: ANN401
    """Return the document with None for every number that is not finite."""
    if isinstance(document, float):
        return document if math.isfinite(document) else None
    if isinstance(document, Mapping):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [finite(value) for value in document]
    return document
