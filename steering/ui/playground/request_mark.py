"""Which request an answer belongs to, in words that a script can compare: the tour reads them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

from steering.data.prompts import LABELS, prompt_set
from steering.serving.engine import Engine

_LENGTH: Final = 12
"""Hexadecimal digits that tell requests of one visit apart (chosen)."""


@dataclass(frozen=True)
class RequestMark:
    """What an answer's element says of its request.

    Attributes:
        request: A digest; the request itself is its visitor's own.
        label: `harmful`, `harmless` or `borderline`; empty where nobody has labelled it.
        update: Which update of a growing answer this is, as `PagePace.send` says it; else empty.
    """

    request: str = ""
    label: str = ""
    update: str = ""


NO_REQUEST: Final = RequestMark()
"""Of a card that shows no answer yet."""


def mark_of(engine: Engine, prompt: str, system: str = "") -> RequestMark:
    """Return the mark of a request; one with a system prompt is another request.

    Args:
        engine: Has the recordings, whose labels count first.
        prompt: The request.
        system: The system prompt.
    """
    if not prompt.strip():
        return NO_REQUEST
    whole = f"{system.strip()}\0{prompt}".encode("utf-8", "surrogatepass")
    recording = engine.recording(prompt)
    recorded = recording.get("label") if recording else None
    label = recorded or _labels().get(prompt, "")
    return RequestMark(hashlib.sha256(whole).hexdigest()[:_LENGTH], label)


@cache
def _labels() -> dict[str, str]:
    """Return the label of every test prompt, which are the page's examples."""
    return {
        each.text: label
        for label in LABELS
        for each in prompt_set(label, "test")  # type: ignore[arg-type]
    }
