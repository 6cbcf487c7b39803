"""Tables of schema 1, whose answers were judged by version 1 of the rules, in today's columns.

That version had one axis: it did not judge what a text that degenerates does. Its `broken` is
`not_judged` here, which loops or is gibberish, and its `complied`, which meant no more than that
nothing was declined, is `answered`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

SCHEMA: Final = 1
"""Of the tables that this reads."""
_RENAMED: Final = {"complied": "answered", "broken": "not_judged"}
_NEW: Final = ("evaded", "gibberish")
_SETS: Final = ("harmful", "harmless")


def columns(names: Sequence[str]) -> list[str]:
    """Return the names of today for those of a table of schema 1."""
    return [*map(_renamed, names), *(f"{group}_{word}" for group in _SETS for word in _NEW)]


def row(old: Mapping[str, str | float | None]) -> dict[str, str | float | None]:
    """Return a row of schema 1 in today's columns; what it did not tell apart is None."""
    found = {_renamed(name): value for name, value in old.items()}
    for group in _SETS:
        broken, looping = old.get(f"{group}_broken"), old.get(f"{group}_looping")
        found |= {f"{group}_evaded": None, f"{group}_gibberish": None}
        if isinstance(broken, float) and isinstance(looping, float):
            # Whatever was broken and did not loop was no language.
            found[f"{group}_gibberish"] = max(0.0, broken - looping)
    return found


def _renamed(name: str) -> str:
    group, _, word = name.partition("_")
    return f"{group}_{_RENAMED[word]}" if group in _SETS and word in _RENAMED else name
