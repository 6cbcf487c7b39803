"""The form of a run that a visitor saves, which `replay` runs again; see `saved_runs`.

Types only, as in `manifest_document`: the page writes such documents before torch is there.
"""

from typing import Final, NotRequired, TypedDict

from steering.artifacts.manifest_document import SamplingEntry, WeightsEntry
from steering.artifacts.recording_document import RecordedAnswer

RUN_KIND: Final = "refusal-steering run"
"""Tells such a document from any other JSON."""
RUN_SCHEMA: Final = 1
"""Its number; another one says that fields mean something else."""


class ConditionsEntry(TypedDict, total=False):
    """What decides, beside request and settings, what a model writes; what is not known is None.

    `contrast` has the names of somebody's own two lists, if the directions are theirs. `speed` is
    `exact` or `fast`, `directions` a SHA-256 of all that edits depend on, and
    `fingerprint` names weights that have neither a SHA-256 nor a revision.
    """

    weights: WeightsEntry
    fingerprint: str | None
    quantization: str | None
    dtype: str | None
    speed: str | None
    number_format: str | None
    thinking: str | None
    date: str | None
    device: str | None
    threads: int | None
    versions: dict[str, str]
    directions: str | None
    contrast: str | None


class TurnEntry(TypedDict):
    """A request and the answer of a panel, whose text form may change from turn to turn."""

    request: str
    panel: str
    resolved: str
    sampling: SamplingEntry
    answer: RecordedAnswer


class RunPanelEntry(TypedDict):
    """A card: its name in words, and what was said on it, first to last."""

    title: str
    turns: list[TurnEntry]


class RunDocument(TypedDict):
    """A run. `prompt` is the first request; `ended` is None where it is not known."""

    kind: str
    schema: int
    version: str
    model: str
    ended: str | None
    saved: NotRequired[str]
    recorded: bool
    prompt: str
    system: str
    conditions: ConditionsEntry
    panels: list[RunPanelEntry]
