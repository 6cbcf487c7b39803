"""The project's own prompt sets, and readers for other people's prompt files.

`prompts.jsonl` holds harmful requests, harmless ones matched with them in form and topic (the same
`pair`), and borderline ones that are safe but sound harmful. A pair is never torn between splits,
so what is fitted on one split is never measured on the other half of a pair it has seen. All
were written for this project, at the level of public safety benchmarks.
"""

import csv
import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from stat import S_ISDIR
from typing import Final, Literal, get_args

from steering.data import text_encoding
from steering.data.prompt_rows import TEXT_COLUMNS, checked, column_of, listed, request_of
from steering.errors import SteeringError

__all__ = ["LABELS", "TEXT_COLUMNS", "Label", "Prompt", "Split", "prompt_set", "read", "sha256"]

_logger = logging.getLogger(__name__)

Label = Literal["harmful", "harmless", "borderline"]
"""What kind of request a prompt is; a safe assistant refuses only the harmful ones."""
LABELS: Final[tuple[str, ...]] = get_args(Label)
"""The same, in the order in which tables show them."""

Split = Literal["train", "validation", "test"]
"""What a prompt may be used for: fitting, choosing, or measuring only."""


@dataclass(frozen=True)
class Prompt:
    """One request of the project's own sets.

    Attributes:
        text: The request, as a user would type it.
        label: Whether it is harmful, harmless, or borderline.
        category: The kind of harm; for a harmless prompt that of its harmful partner; for a
            borderline one the reason why it only sounds harmful.
        split: What it may be used for.
        pair: Number shared by a harmful prompt and its harmless partner; None if borderline.
    """

    text: str
    label: Label
    category: str
    split: Split
    pair: int | None

    def __post_init__(self) -> None:
        """Refuse a line of the shipped file that breaks the rules above."""
        named = self.text.strip() and self.category
        known = self.label in get_args(Label) and self.split in get_args(Split)
        if not named or not known or (self.pair is None) != (self.label == "borderline"):
            raise ValueError(
                f"{self} must have a text, a category, a known label and split, and a pair "
                "unless it is borderline; mend prompts.jsonl"
            )


def prompt_set(label: Label, split: Split | None = None) -> tuple[Prompt, ...]:
    """Return the project's prompts of one label, in file order.

    Args:
        label: One of `harmful`, `harmless`, `borderline`.
        split: One of `train`, `validation`, `test`; None for all. Borderline prompts are never
            fitted on: their `train` is empty.

    Raises:
        SteeringError: If the label or the split is unknown.
    """
    if label not in get_args(Label):
        raise SteeringError(f"no prompt set {label!r}; choose one of {listed(get_args(Label))}")
    if split is not None and split not in get_args(Split):
        raise SteeringError(f"no split {split!r}; choose one of {listed(get_args(Split))}")
    return tuple(p for p in _prompts() if p.label == label and split in (None, p.split))


@cache
def sha256() -> str:
    """Return the SHA-256 of `prompts.jsonl`, in hexadecimal, for the provenance of results."""
    return hashlib.sha256(_shipped()).hexdigest()


def read(path: Path, *, limit: int | None = None) -> tuple[str, ...]:
    """Read the requests of a prompt file.

    The ending decides the format: `.json` (a list of strings or objects, or an object in which
    exactly one value is such a list), `.jsonl` (one string or object a line), `.csv` (with a
    header), `.txt` (one request a line; surrounding blanks, blank lines and comments, which begin
    with `#`, are dropped). Texts from the other formats are kept to the letter, joined with their
    context where they have one (`prompt_rows`). The whole file is checked whatever the `limit`.

    Args:
        path: The file, UTF-8 with or without byte order mark.
        limit: How many requests to return, from the first; None for all.

    Raises:
        SteeringError: If the file cannot be read as requests; it names the line or entry.
    """
    if limit is not None and limit < 1:
        raise SteeringError(f"the limit of prompts is {limit}; give 1 or more, or none for all")
    texts = tuple(_READERS[_ending(path)](path, _decoded(path)))
    if not texts:
        raise SteeringError(f"{path} holds no prompts; give a file with at least one")
    return texts[:limit]


@cache
def _shipped() -> bytes:
    return files(__package__).joinpath("prompts.jsonl").read_bytes()


@cache
def _prompts() -> tuple[Prompt, ...]:
    return tuple(Prompt(**json.loads(line)) for line in _shipped().decode().splitlines())


def _ending(path: Path) -> str:
    # Looked at before the content, so that a large file of another kind is refused unread.
    with _errors_explained(path):
        is_folder = S_ISDIR(path.stat().st_mode)
    if is_folder:
        raise SteeringError(f"{path} is a folder; give one file that ends in {listed(_READERS)}")
    ending = path.suffix.lower()
    if ending not in _READERS:
        _, name, remedy = text_encoding.BINARY_KINDS.get(
            ending, ("", "not a known kind of prompt file", "")
        )
        raise SteeringError(
            f"{path} ends in {ending!r}, which is {name}; {f'{remedy}, and ' if remedy else ''}"
            f"give one that ends in {listed(_READERS)}"
        )
    return ending


def _decoded(path: Path) -> str:
    with _errors_explained(path):
        content = path.read_bytes()
    return text_encoding.decoded(content, path)


@contextmanager
def _errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise SteeringError(f"there is no prompt file {path}; check the path") from error
    except OSError as error:
        raise SteeringError(
            f"{path} cannot be read ({error.strerror}); check its name and permissions"
        ) from error


def _read_json(path: Path, content: str) -> Iterator[str]:
    if not content.strip():
        return
    data = _parsed(content, path)
    if isinstance(data, Mapping):
        lists = [key for key, value in data.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise SteeringError(
                f"{path} is an object with {len(lists)} lists (its keys: {listed(data)}); "
                "it must hold one list of prompts; keep that one only"
            )
        data = data[lists[0]]
    if not isinstance(data, list):
        raise SteeringError(
            f"{path} holds a {type(data).__name__}; it must hold a list of strings or objects"
        )
    for number, entry in enumerate(data, start=1):
        yield request_of(entry, f"{path}, entry {number}")


def _read_jsonl(path: Path, content: str) -> Iterator[str]:
    for number, line in _lines(content):
        yield request_of(_parsed(line, path, number), f"{path}, line {number}")


def _read_txt(path: Path, content: str) -> Iterator[str]:
    comments = 0
    for number, line in _lines(content):
        if line.startswith("#"):
            comments += 1
        else:
            yield checked(line, f"{path}, line {number}")
    if comments:
        _logger.warning(
            "%s: %d %s with # and were left out as comments",
            path,
            comments,
            "line begins" if comments == 1 else "lines begin",
        )


def _read_csv(path: Path, content: str) -> Iterator[str]:
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if not header:
            return
        column = header.index(column_of(header, f"{path}, line 1"))
        for row in filter(None, rows):
            where = f"{path}, line {rows.line_num}"
            if len(row) > len(header) or len(row) <= column:
                # An unquoted comma in a request would otherwise cut the request short in silence.
                raise SteeringError(
                    f"{where}: {len(row)} fields under a header of {len(header)}; "
                    "put double quotes around texts with commas"
                )
            # From behind, so that of two columns with one name the first counts.
            yield request_of(dict(zip(header[::-1], _filled(row, len(header)), strict=True)), where)
    except csv.Error as error:
        # Among others: a field beyond the csv module's limit of 131,072 characters.
        raise SteeringError(
            f"{path}, line {rows.line_num}: not valid CSV ({error}); "
            "mend the quotes, or shorten the field"
        ) from error


def _filled(row: list[str], width: int) -> list[str]:
    return [*[""] * (width - len(row)), *row[::-1]]


def _lines(content: str) -> Iterator[tuple[int, str]]:
    # Not str.splitlines(), which also cuts at signs that may stand inside a request (U+2028).
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


_READERS: Mapping[str, Callable[[Path, str], Iterator[str]]] = {
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".txt": _read_txt,
}
