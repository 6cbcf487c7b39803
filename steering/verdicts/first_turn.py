"""Where the answer of a text begins and ends: after its thinking, before anybody else's turn.

Models that do not find their end write on: the next speaker's name, control tokens spelled out,
another instruction. What stands there is no part of the answer.
"""

import re
from dataclasses import dataclass
from typing import Final

_THINKING: Final = re.compile(
    r"\A\s*<(think|thinking|reasoning)>(?P<inside>.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_CLOSED: Final = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
"""Some templates write the opening mark themselves, so that only the closing one is in the text."""

_CONTROL: Final = re.compile(
    r"<\|[a-z_0-9 ]{2,40}\|>|</?s>|<eos>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>"
    r"|<\uff5c[^\uff5c]{2,40}\uff5c>",
    re.IGNORECASE,
)
_ROLE: Final = r"(?:user|human|assistant|system|model|ai)"
_SPEAKER: Final = re.compile(
    rf"^\W{{0,4}}{_ROLE}\W{{0,3}}$"  # a role on a line of its own
    rf"|^(?:\#{{2,}} ?)(?:instruction|input|response|{_ROLE})\b.*$"
    rf"|^(?:user|human|assistant) ?: ",
    re.IGNORECASE | re.MULTILINE,
)
_GLUED: Final = re.compile(rf"(?<=[.!?。！？])\s*{_ROLE}(?=\s*\n)", re.IGNORECASE)
"""A role after the end of a sentence and before a line end, where a control token got lost."""


@dataclass(frozen=True)
class FirstTurn:
    """The part of a text that is the answer.

    Attributes:
        start: Its first character, after the thinking.
        end: The character after its last.
        is_answered: Whether there is one: False where the text was cut inside its thinking.
    """

    start: int
    end: int
    is_answered: bool = True


def first_turn(text: str) -> FirstTurn:
    """Find the answer in a text; where nobody else speaks, all but the thinking is the answer.

    A name at the very beginning opens the answer, and an answer that is a dialogue from its first
    line on ends nowhere.
    """
    start = 0
    if found := _THINKING.match(text):
        if not text[: found.end()].rstrip().endswith(">") or not _CLOSED.search(found[0]):
            return FirstTurn(found.start("inside"), len(text), is_answered=False)
        start = found.end()
    elif closed := _CLOSED.search(text):
        start = closed.end()
    start += _opening(text[start:])
    ends = [len(text)]
    for pattern in (_CONTROL, _SPEAKER, _GLUED):
        found = pattern.search(text, start)
        while found and not any(character.isalnum() for character in text[start : found.start()]):
            found = pattern.search(text, found.end())
        ends += [found.start()] if found else []
    return FirstTurn(start, min(ends))


def _opening(text: str) -> int:
    """Return how long a name and control tokens before the first word are."""
    found = re.match(rf"(?:\s*(?:{_CONTROL.pattern}))*\s*(?:assistant|model)\s*:?\s*\n", text, re.I)
    return found.end() if found else 0
