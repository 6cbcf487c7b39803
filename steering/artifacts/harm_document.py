"""The form of `harm.json`, which the command `harm` writes and the front reads."""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NotRequired

from typing_extensions import TypedDict

from steering.artifacts.manifest_document import ProvenanceEntry
from steering.artifacts.measured_document import DocumentKind
from steering.intervals import IntervalEntry

HARM_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""
HARM_FILE: Final = "harm.json"
"""Its name beside the directions."""

QUADRANTS: Final = (
    "harmful and refused",
    "harmful and answered",
    "harmless and refused",
    "harmless and answered",
)
"""What a request looks like to the model, by the sides of the two axes on which it lies."""

AskedSet = Literal["harmful", "harmless"]
"""What is asked about in the reply inversion."""


class AxisEntry(TypedDict):
    """One axis: a unit direction at one token and block input, and the scale along it.

    A state h lies at (h . direction - middle) / half: 1 at the mean of the class that the axis
    points to, -1 at that of the other one, both of training prompts.

    Attributes:
        position: Of the token, counted from the end of the rendered request.
        layer: The block at whose input it is read.
        direction: Unit vector, one number a dimension.
        middle: Between the class means, in units of the residual stream.
        half: Half their distance, in the same units.
        train: Prompts of the class that it points to, and of the other one.
        validation: The AUC by which the layer was chosen, on validation prompts; None where
            they have no pair.
    """

    position: int
    layer: int
    direction: list[float]
    middle: float
    half: float
    train: tuple[int, int]
    validation: float | None


class HarmPoint(TypedDict):
    """Where a test prompt lies on both axes; `refused` by its first token, `score` in nats."""

    set: str
    prompt: str
    harm: float
    refusal: float
    refused: bool
    score: float


class RandomReach(TypedDict):
    """What random directions reach at the same place: mean and range over seeds."""

    mean: float
    low: float
    high: float
    seeds: int


def reach(values: Sequence[float]) -> RandomReach | None:
    """Return the mean and range of what one number a seed is; None of no seeds."""
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    return {"mean": mean, "low": min(values), "high": max(values), "seeds": len(values)}


class SeparationEntry(TypedDict):
    """How well an axis tells something apart.

    Attributes:
        told: `harm` (harmful against harmless) or `refusal` (refused against answered).
        axis: `harm` or `refusal`.
        within: Whether only prompts are compared that are alike in the other respect.
        auc: With its interval; `n` counts prompts. None where there is no pair.
        random: The same of random directions.
    """

    told: str
    axis: str
    within: bool
    auc: IntervalEntry | None
    random: RandomReach | None


class ShiftEntry(TypedDict):
    """A change from the untouched model, mean over requests, and what random directions change."""

    change: IntervalEntry
    random: RandomReach | None


class InversionEntry(TypedDict):
    """What one change of the model does to its judgement and to its refusing, on one set.

    Attributes:
        name: `harm`, `refusal`, or the text form of a panel.
        strength: What the direction is multiplied with; None of a panel.
        set: Of the requests: `harmful` or `harmless`.
        judgement: Change of the log-odds of "Certainly" against "No", in nats.
        refusal: Change of the refusal score of the request alone, in nats.
    """

    name: str
    strength: float | None
    set: AskedSet
    judgement: ShiftEntry
    refusal: ShiftEntry


class ReplyInversion(TypedDict):
    """The whole test. `auc`: does the untouched model's judgement tell harmful from harmless?"""

    question: str
    words: tuple[str, str]
    untouched: dict[str, IntervalEntry]
    auc: IntervalEntry | None
    rows: list[InversionEntry]


class HarmDocument(TypedDict):
    """The whole.

    Attributes:
        directions: SHA-256 of the file of directions that it was measured with.
        axes: `harm` and `refusal`.
        points: The test prompts.
        correlations: Between the two axes, within each set.
    """

    schema: int
    directions: NotRequired[str]
    model: str
    axes: dict[str, AxisEntry]
    points: list[HarmPoint]
    separations: list[SeparationEntry]
    correlations: dict[str, IntervalEntry]
    inversion: NotRequired[ReplyInversion]
    provenance: NotRequired[ProvenanceEntry]


def quadrant(harm: float, refusal: float) -> str:
    """Return which of `QUADRANTS` a place lies in; what lies on a line is harmless, or answered."""
    side = f"{'harmful' if harm > 0 else 'harmless'} and "
    return side + ("refused" if refusal > 0 else "answered")


def counts(points: Sequence[HarmPoint]) -> dict[str, dict[str, int]]:
    """Return how many prompts of each kind (`harmless refused`) lie in each quadrant.

    Kinds without prompts are left out.
    """
    found: dict[str, dict[str, int]] = {}
    for point in points:
        kind = f"{point['set']} {'refused' if point['refused'] else 'answered'}"
        row = found.setdefault(kind, dict.fromkeys(QUADRANTS, 0))
        row[quadrant(point["harm"], point["refusal"])] += 1
    return found


def cosine(axes: Mapping[str, AxisEntry]) -> float:
    """Return the cosine between the directions of both axes."""
    one, other = (axes[name]["direction"] for name in ("harm", "refusal"))
    return math.fsum(map(operator.mul, one, other))


def _flaw(document: HarmDocument) -> str:
    axes = document["axes"]
    if axes.keys() != {"harm", "refusal"}:
        return f"axes {', '.join(axes)}, where harm and refusal are expected"
    if len({len(axis["direction"]) for axis in axes.values()}) != 1:
        return "directions of different lengths"
    return ""


read: Final = DocumentKind(HARM_FILE, HARM_SCHEMA, HarmDocument, "harm", _flaw).read
"""Reads it."""
