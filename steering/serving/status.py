"""How far the model is, in words for a visitor."""

from dataclasses import dataclass
from typing import Literal

from steering.system.progress import Step

Phase = Literal["idle", "loading", "ready", "failed", "unfitted", "recorded"]


@dataclass(frozen=True)
class Status:
    """How far the model is.

    Attributes:
        phase: `idle` before anybody asked for it, then `loading`, then `ready` or `failed`;
            `unfitted` where the model has no directions, which have to be fitted first; `recorded`
            where no model is ever loaded, and what is recorded is all there is.
        model: Name of the model.
        sentence: What a visitor should know: the step, the number format, or what went wrong.
        step: Step of the present step while loading, if it was reported.
    """

    phase: Phase
    model: str
    sentence: str
    step: Step | None = None


_NO_MODEL_RUNS = "This page plays recorded answers; no model runs."


def at_first(name: str, *, has_model: bool) -> Status:
    """Return the status of an engine that has done nothing yet.

    Args:
        name: Of the model.
        has_model: Whether there is a model that could be loaded.
    """
    if not has_model:
        return Status("recorded", name, _NO_MODEL_RUNS)
    return Status("idle", name, "The model has not been loaded yet.")
