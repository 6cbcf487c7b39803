"""Multiple-choice questions, on which the cost of an edit is measured: our own, or any file.

`questions.jsonl` was written for this project: 200 questions with four choices (general knowledge,
arithmetic, reading, code), the right letter as often A as B, C or D, and 24 beginnings of Python
functions with the right end and three wrong ones. All of them are harmless, so that a model that
refuses to answer has lost something.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from steering.data.entry_files import FileKind, read_entries
from steering.errors import SteeringError

LETTERS: Final = "ABCDEFGHIJ"
"""Names of the choices, in order; there are no more."""
COMPLETION: Final = "completion"
"""Area of beginnings of code, whose choices are ends; all others are questions."""
OWN_AREA: Final = "own"
"""Area of a file's questions that name none."""


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        area: What it is about; results are counted by area.
        text: The question; of a completion, how a text begins.
        choices: What can be answered, two at least; of a completion, how the text may go on.
        right: Which choice is right, from 0.
    """

    area: str
    text: str
    choices: tuple[str, ...]
    right: int

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if not self.text.strip() or not self.area.strip():
            raise ValueError("a question needs a text and an area")
        if not 2 <= len(self.choices) <= len(LETTERS) or len(set(self.choices)) < len(self.choices):
            raise ValueError(f"a question needs 2 to {len(LETTERS)} choices that differ")
        if not all(map(str.strip, self.choices)) or not 0 <= self.right < len(self.choices):
            raise ValueError("a choice is empty, or the right one is not among them")

    @property
    def is_completion(self) -> bool:
        """Whether the choices are ends of a text, not answers."""
        return self.area == COMPLETION


@cache
def questions() -> tuple[Question, ...]:
    """Return the project's own questions, in file order."""
    with _shipped_path() as path:
        return read(path)


@cache
def source() -> str:
    """Return the name and SHA-256 of `questions.jsonl`, for the provenance of results."""
    with _shipped_path() as path:
        return f"steering/questions.jsonl sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def read(path: Path) -> tuple[Question, ...]:
    """Read questions of a .jsonl or .json file.

    An entry has `question`, `choices` (a list of texts), `answer` (the letter of the right choice)
    and, if it likes, `area`; the area `completion` has beginnings of a text and ends.

    Raises:
        SteeringError: If the file cannot be read as questions; it names the line or entry.
    """
    if path.suffix not in (".jsonl", ".json"):
        raise SteeringError(f"questions come from a .jsonl or .json file, not from {path.name}")
    found = tuple(_question(value, where) for where, value in read_entries(path, _QUESTIONS))
    if not found:
        raise SteeringError(f"{path} holds no questions; give a file with at least one")
    return found


def _question(value: object, where: str) -> Question:
    if not isinstance(value, Mapping):
        raise SteeringError(f"{where}: no object with question, choices and answer; {_FORM}")
    text, choices, answer = (value.get(key) for key in ("question", "choices", "answer"))
    area = value.get("area", OWN_AREA)
    if not (isinstance(text, str) and isinstance(area, str) and isinstance(choices, list)):
        raise SteeringError(f"{where}: question and area are texts, choices is a list; {_FORM}")
    letters = LETTERS[: len(choices)]
    if not isinstance(answer, str) or len(answer) != 1 or answer not in letters:
        raise SteeringError(f"{where}: answer={answer} is no letter of the choices; {_FORM}")
    try:
        return Question(area, text, tuple(map(str, choices)), letters.index(answer))
    except ValueError as error:
        raise SteeringError(f"{where}: {error}; {_FORM}") from error


def _no_table(_names: object, where: str) -> str:
    raise SteeringError(f"{where}: a table holds no lists of choices; {_FORM}")


_FORM: Final = (
    'write {"question": "2 + 2?", "choices": ["3", "4"], "answer": "B", "area": "arithmetic"}'
)
_QUESTIONS: Final = FileKind("question", _no_table, has_comments=False)


def _shipped_path() -> AbstractContextManager[Path]:
    return as_file(files(__package__).joinpath("questions.jsonl"))
