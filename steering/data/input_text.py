"""What a text that comes in may hold: what a tokenizer can encode and a person can have meant."""

import os
from typing import Final

from steering.errors import SteeringError

MAX_CHARACTERS: Final = 4000
"""Longest request (chosen): about 1000 tokens, which two cores read six times in a minute."""

_LAYOUT: Final = frozenset("\t\n\v\f\r\x85")
"""Control characters that lay out text: tabs, line and page breaks."""


def flaw(text: str) -> str | None:
    """Return the first character that no request can hold, in words; None if there is none.

    Half a character (a lone surrogate, U+D800 to U+DFFF) has no UTF-8 form, so no tokenizer takes
    it. Control characters other than tabs and line breaks come from binary files and terminals,
    not from people; a model would read them as tokens nobody sees.
    """
    for index, sign in enumerate(text, start=1):
        if "\ud800" <= sign <= "\udfff":
            return f"half a character (\\u{ord(sign):04x}) at character {index}"
        # Category Cc is exactly these two ranges and DEL.
        if (sign < " " or "\x7f" <= sign < "\xa0") and sign not in _LAYOUT:
            return f"the control character U+{ord(sign):04X} at character {index}"
    return None


def require_clean(text: str, what: str) -> None:
    """Refuse a text that holds what `flaw` finds.

    Args:
        text: As it came in.
        what: Begins the sentence, for example "the request".

    Raises:
        SteeringError: Names the character and its index.
    """
    if found := flaw(text):
        raise SteeringError(f"{what} holds {found}, which is no text; remove it, or write it again")


def from_command_line(text: str, option: str) -> str:
    """Return an argument as the text that was typed.

    Python hands over bytes that its locale cannot read as lone surrogates (PEP 383). Where the
    bytes are UTF-8 after all, as under `LC_ALL=C`, they are read as such.

    Args:
        text: As `sys.argv` holds it.
        option: Its name, for the error.

    Raises:
        SteeringError: If the bytes are not UTF-8; says where, and what they are in Windows' Western
            encoding, which is where they mostly come from.
    """
    if not any("\ud800" <= sign <= "\udfff" for sign in text):
        return text
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:  # not an argument of a shell: a surrogate that stands for no byte
        raise SteeringError(
            f"{option} holds {flaw(text)}, which is no text; write it again"
        ) from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        near = raw[max(0, error.start - 20) : error.start + 20].decode("cp1252", "replace")
        raise SteeringError(
            f"{option} is not UTF-8: byte {raw[error.start]:#04x} at byte {error.start + 1}; in "
            f"Windows-1252 it reads {near!r}; set the terminal to UTF-8, or convert the text: "
            "iconv -f cp1252 -t utf-8"
        ) from error
