"""Reads files of other people's texts, entry by entry: .json, .jsonl, .csv and .txt.

What an entry means, a request or an answer, is for whoever asks; here stand the formats, and what
is wrong with a file that cannot be read, said with its line.
"""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from steering.data import text_encoding
from steering.data.prompt_rows import listed
from steering.errors import SteeringError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileKind:
    """What a file holds.

    Attributes:
        noun: For a reader, such as "prompt".
        column_of: Returns the column of a table that holds the texts, from its header and, for an
            error, its place; raises `SteeringError` where there is none.
        has_comments: Whether lines of a .txt that begin with `#` are left out.
    """

    noun: str
    column_of: Callable[[Sequence[str], str], str]
    has_comments: bool


class Entry(NamedTuple):
    """One entry of a file.

    Attributes:
        where: File and line, which begin an error.
        value: What stands there: of a .txt a string, of a .csv a mapping, else any JSON.
    """

    where: str
    value: object


def read_entries(path: Path, kind: FileKind) -> Iterator[Entry]:
    """Yield the entries of a file; its ending decides the format.

    `.json` is a list, or an object in which exactly one value is one; `.jsonl` has an entry a line,
    `.csv` a header, `.txt` a text a line, without surrounding blanks and blank lines.

    Raises:
        SteeringError: If the file cannot be read; it names the line or entry.
    """
    return _READERS[_ending(path, kind)](path, _decoded(path, kind), kind)


def _ending(path: Path, kind: FileKind) -> str:
    # Looked at before the content, so that a large file of another kind is refused unread.
    with _errors_explained(path, kind):
        is_folder = S_ISDIR(path.stat().st_mode)
    if is_folder:
        raise SteeringError(f"{path} is a folder; give one file that ends in {listed(_READERS)}")
    ending = path.suffix.lower()
    if ending not in _READERS:
        _, name, remedy = text_encoding.BINARY_KINDS.get(
            ending, ("", f"not a known kind of {kind.noun} file", "")
        )
        raise SteeringError(
            f"{path} ends in {ending!r}, which is {name}; {f'{remedy}, and ' if remedy else ''}"
            f"give one that ends in {listed(_READERS)}"
        )
    return ending


def _decoded(path: Path, kind: FileKind) -> str:
    with _errors_explained(path, kind):
        content = path.read_bytes()
    return text_encoding.decoded(content, path)


@contextmanager
def _errors_explained(path: Path, kind: FileKind) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise SteeringError(f"there is no {kind.noun} file {path}; check the path") from error
    except OSError as error:
        raise SteeringError(
            f"{path} cannot be read ({error.strerror}); check its name and permissions"
        ) from error


def _read_json(path: Path, content: str, kind: FileKind) -> Iterator[Entry]:
    if not content.strip():
        return
    data = _parsed(content, path)
    if isinstance(data, Mapping):
        lists = [key for key, value in data.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise SteeringError(
                f"{path} is an object with {len(lists)} lists (its keys: {listed(data)}); "
                f"it must hold one list of {kind.noun}s; keep that one only"
            )
        data = data[lists[0]]
    if not isinstance(data, list):
        raise SteeringError(
            f"{path} holds a {type(data).__name__}; it must hold a list of strings or objects"
        )
    for number, entry in enumerate(data, start=1):
        yield Entry(f"{path}, entry {number}", entry)


def _read_jsonl(path: Path, content: str, _kind: FileKind) -> Iterator[Entry]:
    for number, line in _lines(content):
        yield Entry(f"{path}, line {number}", _parsed(line, path, number))


def _read_txt(path: Path, content: str, kind: FileKind) -> Iterator[Entry]:
    comments = 0
    for number, line in _lines(content):
        if kind.has_comments and line.startswith("#"):
            comments += 1
        else:
            yield Entry(f"{path}, line {number}", line)
    if comments:
        _logger.warning(
            "%s: %d %s with # and were left out as comments",
            path,
            comments,
            "line begins" if comments == 1 else "lines begin",
        )


def _read_csv(path: Path, content: str, kind: FileKind) -> Iterator[Entry]:
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if not header:
            return
        column = header.index(kind.column_of(header, f"{path}, line 1"))
        for row in filter(None, rows):
            where = f"{path}, line {rows.line_num}"
            if len(row) > len(header) or len(row) <= column:
                # An unquoted comma in a text would otherwise cut it short in silence.
                raise SteeringError(
                    f"{where}: {len(row)} fields under a header of {len(header)}; "
                    "put double quotes around texts with commas"
                )
            # From behind, so that of two columns with one name the first counts.
            yield Entry(where, dict(zip(header[::-1], _filled(row, len(header)), strict=True)))
    except csv.Error as error:
        # Among others: a field beyond the csv module's limit of 131,072 characters.
        raise SteeringError(
            f"{path}, line {rows.line_num}: not valid CSV ({error}); "
            "mend the quotes, or shorten the field"
        ) from error


def _filled(row: list[str], width: int) -> list[str]:
    return [*[""] * (width - len(row)), *row[::-1]]


def _lines(content: str) -> Iterator[tuple[int, str]]:
    # Not str.splitlines(), which also cuts at signs that may stand inside a text (U+2028).
    for number, line in enumerate(io.StringIO(content, newline=None), start=1):
        if stripped := line.strip():
            yield number, stripped


def _parsed(content: str, path: Path, line: int | None = None) -> object:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise SteeringError(
            f"{path}, line {line or error.lineno}: broken JSON at column {error.colno} "
            f"({error.msg}); mend that line"
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of 5,000 digits
        where = f"{path}, line {line}" if line else f"{path}"
        raise SteeringError(f"{where}: JSON that cannot be read ({error}); simplify it") from error


_READERS: Mapping[str, Callable[[Path, str, FileKind], Iterator[Entry]]] = {
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".txt": _read_txt,
}
