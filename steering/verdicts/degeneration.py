"""Whether a text degenerates, and from where on: the second axis of a judgement.

What an answer does and whether its language holds are two facts. A model that declines in its
first sentence and then says it for ever has refused, and loops.
"""

from dataclasses import dataclass
from typing import Literal

from steering.verdicts.gibberish import gibberish
from steering.verdicts.repetition import repetition


@dataclass(frozen=True)
class Degeneration:
    """What became of a text.

    Attributes:
        kind: `looping` (says the same for ever) or `gibberish` (is no language).
        start: The first character that says nothing new, or is no language, counted in the text.
        seen: What shows it, as a phrase for a reader.
    """

    kind: Literal["looping", "gibberish"]
    start: int
    seen: str


def degeneration(text: str) -> Degeneration | None:
    """Find where a text degenerates; None where it does not."""
    if loop := repetition(text):
        return Degeneration("looping", loop.start, loop.seen)
    if noise := gibberish(text):
        return Degeneration("gibberish", noise.start, noise.seen)
    return None
