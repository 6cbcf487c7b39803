"""Neutral prose, on which the cost of an edit is measured: the project's own, or any text file.

`prose.txt` was written for this project: fourteen genres, no refusals, no chat, invented people and
places, so that no model has seen it and no edit of refusal should change how likely it is. A line
`=== genre` begins a passage; empty lines part its paragraphs.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from steering.data import text_encoding
from steering.errors import SteeringError

_HEADING = re.compile(r"^=== (.+)\n", re.MULTILINE)
_GAP = re.compile(r"\n(?:[ \t]*\n)+")


@dataclass(frozen=True)
class Passage:
    """One text of one genre.

    Attributes:
        genre: What kind of text it is; of a file of one's own, its name.
        paragraphs: In order; none is empty, line breaks inside are kept (code needs them).
    """

    genre: str
    paragraphs: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a passage of which nothing could be measured."""
        if not self.paragraphs or not all(map(str.strip, self.paragraphs)):
            raise ValueError(f"the passage {self.genre!r} has no paragraph, or an empty one")

    @property
    def text(self) -> str:
        """The paragraphs, one empty line between them."""
        return "\n\n".join(self.paragraphs)


@cache
def passages() -> tuple[Passage, ...]:
    """Return the project's own prose, one passage a genre, in file order."""
    _, *parts = _HEADING.split(_shipped().decode("utf-8"))
    genres, texts = parts[::2], parts[1::2]
    return tuple(
        Passage(genre, _paragraphs(text)) for genre, text in zip(genres, texts, strict=True)
    )


@cache
def source() -> str:
    """Return the name and SHA-256 of `prose.txt`, for the provenance of results."""
    return f"steering/prose.txt sha256:{hashlib.sha256(_shipped()).hexdigest()}"


def read(path: Path) -> Passage:
    """Read any text file as one passage.

    Args:
        path: UTF-8 with or without byte order mark; every ending is allowed, and every kind of
            line break counts as one.

    Raises:
        SteeringError: If there is no such file, or it is not text, or empty.
    """
    try:
        content = text_encoding.decoded(path.read_bytes(), path, what="text")
    except FileNotFoundError as error:
        raise SteeringError(f"there is no text file {path}; check the path") from error
    except OSError as error:
        raise SteeringError(
            f"{path} cannot be read ({error.strerror}); give one text file that may be read"
        ) from error
    if "\0" in content:
        raise SteeringError(f"{path} holds zero bytes, so it is not text; give a plain text file")
    paragraphs = _paragraphs(content.replace("\r\n", "\n").replace("\r", "\n"))
    if not paragraphs:
        raise SteeringError(f"{path} is empty; give a file with some paragraphs of text")
    return Passage(path.name, paragraphs)


@cache
def _shipped() -> bytes:
    return files(__package__).joinpath("prose.txt").read_bytes()


def _paragraphs(text: str) -> tuple[str, ...]:
    # Only line breaks go at the ends: the first line of a paragraph may be indented code.
    parts = (part.strip("\n").rstrip() for part in _GAP.split(text))
    return tuple(part for part in parts if part.strip())
