"""The form of `capability.json`, which the command `capability` writes and the front reads."""

from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from steering.artifacts import folders
from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.manifest_document import ProvenanceEntry
from steering.errors import SteeringError
from steering.intervals import IntervalEntry
from steering.system import whole_files

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
    """The whole."""

    schema: int
    model: str
    source: str
    panels: list[CapabilityPanel]
    provenance: NotRequired[ProvenanceEntry]


def read(model: str, folder: Path | None = None) -> CapabilityDocument | None:
    """Return what edits of a model cost in capability, or None where it was not measured.

    Args:
        model: Its name.
        folder: Of its directions; None for the model's artifact.

    Raises:
        SteeringError: If it is broken, or of another schema.
    """
    path = (folder or folders.folder_of(model)) / CAPABILITY_FILE
    if not folders.is_file(path):
        return None
    document = whole_files.read_json(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if found == CAPABILITY_SCHEMA and not isinstance(document.get("panels"), list):
        found = "without panels"
    if found != CAPABILITY_SCHEMA:
        raise SteeringError(
            f"{path} has schema {found}, this version reads schema {CAPABILITY_SCHEMA}; measure it "
            f"again with `python -m steering capability --model {model}`"
        )
    return cast(CapabilityDocument, document)
