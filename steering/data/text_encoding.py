"""Text files of people: UTF-8, and by name what a file is instead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from steering.errors import SteeringError

_MARKS: Final[Mapping[bytes, str]] = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Byte order marks, the longer ones first: UTF-32's begins with that of UTF-16."""

_UNPACK: Final = "unpack it first"
_CSV: Final = "export it as CSV in UTF-8"
_ROWS: Final = "write its rows as .jsonl, one object a line"
BINARY_KINDS: Final[Mapping[str, tuple[bytes, str, str]]] = {
    ".gz": (b"\x1f\x8b", "a gzip archive", _UNPACK),
    ".bz2": (b"BZh", "a bzip2 archive", _UNPACK),
    ".xz": (b"\xfd7zXZ\0", "an xz archive", _UNPACK),
    ".zst": (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    ".xlsx": (b"PK\x03\x04", "a spreadsheet or a zip archive", f"{_CSV}, or {_UNPACK}"),
    ".xls": (b"\xd0\xcf\x11\xe0", "an old Office document", _CSV),
    ".parquet": (b"PAR1", "a Parquet table", _ROWS),
    ".arrow": (b"ARROW1", "an Arrow table", _ROWS),
    ".pdf": (b"%PDF", "a PDF document", "copy its text into a .txt file"),
    ".sqlite": (b"SQLite format 3", "a SQLite data base", _ROWS),
}
"""Files that people have instead of a text file: ending, first bytes, name, what to do."""

_SAMPLE_BYTES: Final = 4096
"""How much is looked at for zero bytes (chosen)."""
_ZEROS: Final = 0.4
"""Share of zero bytes at an offset from which it is one (chosen): European text in UTF-16 has
nearly all of them in one byte of two, text in UTF-8 has none."""


def decoded(content: bytes, path: Path, *, what: str = "file") -> str:
    """Return the text of a file, without byte order mark.

    Args:
        content: Its bytes.
        path: Its name, for the error.
        what: How the error calls it.

    Raises:
        SteeringError: If it is not UTF-8; says what it looks like and what to do.
    """
    for first, name, remedy in BINARY_KINDS.values():
        if content.startswith(first):
            raise SteeringError(f"{path} is {name}, not a text file; {remedy}")
    if wide := _wide(content):
        raise SteeringError(
            f"{path}, line 1: not UTF-8, it looks like {wide}; save the {what} as UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Of the error's own bytes, since it counts from behind a byte order mark.
        raw, start = error.object, error.start
        line = raw.count(b"\n", 0, start) + 1
        begin = max(raw.rfind(b"\n", 0, start) + 1, start - 12)
        end = min(start + len(raw[start:].split(b"\n", 1)[0]), start + 12)
        near = raw[begin:end].decode("cp1252", "replace").strip()
        raise SteeringError(
            f"{path}, line {line}: not UTF-8 ({error.reason}); in Windows-1252 it reads {near!r}; "
            f"save the {what} as UTF-8"
        ) from error


def _wide(content: bytes) -> str | None:
    """Return the name of a format of two or four bytes a character; None if it is none."""
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    sample = content[: min(_SAMPLE_BYTES, len(content) // 4 * 4) or len(content) // 2 * 2]
    zeros = [sample[offset::4].count(0) * 4 / max(1, len(sample)) > _ZEROS for offset in range(4)]
    if sum(zeros) == 3:
        return "UTF-32"
    if zeros in ([False, True] * 2, [True, False] * 2):
        return "UTF-16"
    return None
