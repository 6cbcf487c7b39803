"""Answers in files of other people: which text was answered, and whether the model ended it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from steering.data.entry_files import FileKind, read_entries
from steering.data.prompt_rows import listed
from steering.errors import SteeringError

ANSWER_COLUMNS: Final = (
    *("response", "answer", "completion", "output", "generation", "generated_text", "text"),
    "content",
)
"""Where the text of an answer may stand in a file; the first one present counts."""

_ENDED: Final = {"true": True, "1": True, "false": False, "0": False}
_FINISHED: Final = ("finish_reason", "stop_reason")
_CUT: Final = ("length", "max_tokens")
"""How OpenAI's and Anthropic's interfaces say that a limit cut an answer."""


@dataclass(frozen=True)
class AnswerText:
    """One answer of a file.

    Attributes:
        text: What was answered, to the letter; it may be empty.
        ended: Whether the model ended it; False where the file says that a limit cut it.
    """

    text: str
    ended: bool


def read(path: Path) -> tuple[AnswerText, ...]:
    """Read the answers of a .json, .jsonl, .csv or .txt file (one answer a line).

    An entry is a string, or has its text in one of `ANSWER_COLUMNS`. Whether it was ended may stand
    in `ended` (true or false) or in `finish_reason`.

    Raises:
        SteeringError: If the file cannot be read as answers; it names the line or entry.
    """
    found = tuple(_answer(value, where) for where, value in read_entries(path, _ANSWERS))
    if not found:
        raise SteeringError(f"{path} holds no answers; give a file with at least one")
    return found


def column_of(names: Sequence[str], where: str) -> str:
    """Return the name of the column with the answers.

    Raises:
        SteeringError: If there is none.
    """
    for column in ANSWER_COLUMNS:
        if column in names:
            return column
    raise SteeringError(
        f"{where}: no text column among {listed(names)[:120] or 'no columns at all'}; "
        f"name the one with the answers one of {listed(ANSWER_COLUMNS)}"
    )


_ANSWERS: Final = FileKind("answer", column_of, has_comments=False)


def _answer(entry: object, where: str) -> AnswerText:
    if not isinstance(entry, Mapping):
        return AnswerText(_string(entry, where), ended=True)
    column = column_of(list(map(str, entry)), where)
    return AnswerText(_string(entry[column], f"{where}, {column!r}"), _is_ended(entry, where))


def _is_ended(entry: Mapping[object, object], where: str) -> bool:
    if any(entry.get(name) in _CUT for name in _FINISHED):
        return False
    said = entry.get("ended")
    if said is None or said == "":
        return True
    if str(said).lower() not in _ENDED:
        raise SteeringError(
            f"{where}, 'ended': {repr(said)[:40]} is neither true nor false; write one of them"
        )
    return _ENDED[str(said).lower()]


def _string(value: object, where: str) -> str:
    if value is None or value != value:  # NaN is what pandas writes for an empty field
        return ""
    if not isinstance(value, str):
        raise SteeringError(
            f"{where}: the answer is {repr(value)[:60]}, a {type(value).__name__}; "
            "it must be a string"
        )
    return value
