"""The form of `fast_gate.json`, which `adaptation.fast_gate` writes, and loading reads.

Types only, as in `manifest_document`.
"""

from typing import Any, Final, NotRequired, TypedDict

from steering.artifacts.manifest_document import MachineEntry, WeightsEntry
from steering.intervals import IntervalEntry

FAST_GATE_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""


class FastDivergence(TypedDict):
    """KL divergence of exact from fast next-token distributions along exact answers, in nats.

    `mean` is over positions, `positions` counts them; `largest` is the largest of one position.
    """

    panel: str
    mean: float
    largest: float
    positions: int


class FastRate(TypedDict):
    """A refusal rate with fast products, beside the interval that the evaluation has of it."""

    panel: str
    prompts: str
    fast: float
    n: int
    exact: IntervalEntry


class FastTrial(TypedDict):
    """What was measured of fast products whose states are held in one or two integers.

    `verdicts_equal` counts answers whose verdict is that of the exact answer. `failed` says what
    was off, in words; empty where the trial passed. Rates are missing where it failed before.
    """

    parts: int
    divergence: list[FastDivergence]
    verdicts_equal: int
    answers: int
    rates: NotRequired[list[FastRate]]
    failed: list[str]


class FastGateProvenance(MachineEntry):
    """What a reader needs to measure it again."""

    weights: WeightsEntry
    prompts: str


class FastGateDocument(TypedDict):
    """`fast_gate.json`, as `python -m steering gate` writes it; `prompts` counts them."""

    schema: int
    model: str
    prompts: int
    tokens: int
    trials: list[FastTrial]
    provenance: FastGateProvenance


def checked(document: Any) -> Any:  # noqa: ANN401 - what a JSON file holds
    """Return a document that a reader can go through.

    Raises:
        ValueError: If its schema is another one.
        KeyError, TypeError: If something is missing.
    """
    if document["schema"] != FAST_GATE_SCHEMA:
        raise ValueError(f"schema {document['schema']}, and {FAST_GATE_SCHEMA} is read")
    document["provenance"]["weights"].get("sha256")
    for trial in document["trials"]:
        numbers = [trial["parts"], trial["verdicts_equal"], trial["answers"], document["prompts"]]
        numbers += [each["mean"] for each in trial["divergence"]]
        if not all(isinstance(each, int | float) for each in numbers):
            raise TypeError("a number is none")
        "; ".join(trial["failed"])
    if not document["trials"] or document["trials"][-1]["parts"] not in (1, 2):
        raise ValueError("it holds no trial of one or two parts")
    return document
