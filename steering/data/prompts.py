"""The project's own prompt sets, and readers for other people's prompt files.

`prompts.jsonl` holds harmful requests, harmless ones matched with them in form and topic (the same
`pair`), and borderline ones that are safe but sound harmful. A pair is never torn between splits,
so what is fitted on one split is never measured on the other half of a pair it has seen. All
were written for this project, at the level of public safety benchmarks.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, get_args

from steering.data.entry_files import FileKind, read_entries
from steering.data.prompt_rows import TEXT_COLUMNS, column_of, listed, request_of
from steering.errors import SteeringError

__all__ = [
    "LABELS",
    "TEXT_COLUMNS",
    "Label",
    "Prompt",
    "Split",
    "category_of",
    "prompt_set",
    "read",
    "sha256",
]

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


def category_of(text: str) -> str:
    """Return the category of one of the project's own prompts; of any other text, nothing."""
    return _categories().get(text, "")


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
    entries = read_entries(path, _PROMPTS)
    texts = tuple(request_of(value, where) for where, value in entries)
    if not texts:
        raise SteeringError(f"{path} holds no prompts; give a file with at least one")
    return texts[:limit]


_PROMPTS = FileKind("prompt", column_of, has_comments=True)


@cache
def _shipped() -> bytes:
    return files(__package__).joinpath("prompts.jsonl").read_bytes()


@cache
def _prompts() -> tuple[Prompt, ...]:
    return tuple(Prompt(**json.loads(line)) for line in _shipped().decode().splitlines())


@cache
def _categories() -> dict[str, str]:
    return {each.text: each.category for each in _prompts()}
