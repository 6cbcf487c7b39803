"""The form of `capability.json`, which the command `capability` writes and the front reads."""

from typing import Final, NotRequired

from typing_extensions import TypedDict

from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.manifest_document import ProvenanceEntry
from steering.artifacts.measured_document import DocumentKind
from steering.intervals import IntervalEntry

CAPABILITY_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""
CAPABILITY_FILE: Final = "capability.json"
"""Its name beside the directions."""


class CapabilityRate(IntervalEntry):
    """Share of questions that are answered rightly, with Wilson's interval.

    `share` is the mean probability of the right choice among the choices; `difference` that of the
    rate to the baseline's on the same questions, None of the baseline itself.
    """

    share: IntervalEntry
    difference: TestedDifference | None


class CapabilityPanel(TypedDict):
    """What one panel knows: of all questions, of each area of them, and of completions.

    Attributes:
        panel: Its text form.
        questions: Over all questions; None where there were none.
        completions: Over the completions; None where there were none.
        areas: By area, completions left out.
        refused: Share of harmful requests refused, as the stored comparison has it; None where it
            is not in it.
        on_front: Whether no other panel refuses as little and knows more, or knows as much and
            refuses less; None where it is not known how much it refuses.
    """

    panel: str
    questions: CapabilityRate | None
    completions: CapabilityRate | None
    areas: dict[str, CapabilityRate]
    refused: IntervalEntry | None
    on_front: bool | None


class CapabilityDocument(TypedDict):
    """The whole; `directions` is the SHA-256 of the file of directions that were measured."""

    schema: int
    directions: NotRequired[str]
    model: str
    source: str
    panels: list[CapabilityPanel]
    provenance: NotRequired[ProvenanceEntry]


read: Final = DocumentKind(
    CAPABILITY_FILE, CAPABILITY_SCHEMA, CapabilityDocument, "capability"
).read
"""Reads it."""
