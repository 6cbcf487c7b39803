"""How far the model is, in words for a visitor."""

from dataclasses import dataclass
from typing import Literal

from steering.system.progress import Step

Phase = Literal["idle", "loading", "ready", "failed", "unfitted"]


@dataclass(frozen=True)
class Status:
    """How far the model is.

    Attributes:
        phase: `idle` before anybody asked for it, then `loading`, then `ready` or `failed`;
            `unfitted` where the model has no directions, which have to be fitted first.
        model: Name of the model.
        sentence: What a visitor should know: the step, the number format, or what went wrong.
        step: Step of the present step while loading, if it was reported.
    """

    phase: Phase
    model: str
    sentence: str
    step: Step | None = None
