"""The terminal's door: whatever a stream can hold and whoever reads it, output never fails a run.

An answer that took minutes must not die on a sign that the terminal lacks, so signs are replaced:
typographic ones by their ASCII likeness, all others by their escape, which loses nothing.
"""

import codecs
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO

from steering.system import strict_json

_REPLACE: Final = "steering.replace"
"""Name of the error handler below, as codecs know it."""

_LIKENESS: Final = {
    **dict.fromkeys("─–—−‐‑", "-"),
    **dict.fromkeys("·•", "*"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
    "…": "...",
    "×": "x",
    "±": "+/-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "\u00a0": " ",
}
"""What stands for signs of the product's own tables and sentences on a terminal without them."""


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    escaped = (
        _LIKENESS.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in signs
    )
    return "".join(escaped), error.end


codecs.register_error(_REPLACE, _replaced)


@contextmanager
def opened() -> Generator[None]:
    """Make stdout and stderr take every text until the `with` block ends, and end quietly.

    A stream that was closed by the caller becomes one that swallows; a reader who has gone away is
    no error.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell (`>&-`), or a program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_REPLACE)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                abandon(stream)


def abandon(stream: TextIO) -> None:
    """Send what the stream still holds nowhere, so that Python's own last flush does not fail."""
    with suppress(OSError, ValueError):  # a stream without a file beneath it needs no help
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(text: str) -> None:
    """Write a line to stderr; one that nobody can read any more is dropped."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def json_text(document: Any) -> str:  # noqa: ANN401 - any JSON types
    """Return a document as JSON that stdout can hold, with signs where it can, else escaped."""
    text = strict_json.dumps(document, indent=1)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return strict_json.dumps(document, indent=1, ensure_ascii=True)
    return text
