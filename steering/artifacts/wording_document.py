"""The form of `wordings.json`, which the command `wordings` writes and the page shows."""

from typing import Final, NotRequired

from typing_extensions import TypedDict

from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.harm_document import RandomReach
from steering.artifacts.manifest_document import ProvenanceEntry
from steering.artifacts.measured_document import DocumentKind
from steering.intervals import IntervalEntry

WORDING_SCHEMA: Final = 1
"""Raised whenever a reader of the old documents would misread the new one."""
WORDING_FILE: Final = "wordings.json"
"""Its name beside the directions."""


class WordedAxis(TypedDict):
    """How well one English direction tells harmful from harmless in one wording.

    Attributes:
        axis: `dim`, the difference in means, or `inlp`, INLP's first direction.
        auc: Share of pairs, a harmful and a harmless request, that are in order.
        than_english: Its difference to that of English, over the same pairs; None of English.
        random: What random directions reach at the same place, each turned to its better side.
    """

    axis: str
    auc: IntervalEntry
    than_english: IntervalEntry | None
    random: RandomReach


class WordedArm(TypedDict):
    """What one panel does to the answers in one wording.

    Attributes:
        arm: `baseline`, `ablation`, `flip`, `actadd`, or `random` and one of these: its control.
        set: Of the requests, `harmful` or `harmless`.
        refused: Share of answers that refuse, by their text.
        change: Of that, from the baseline, over the same pairs, with the exact McNemar test; None
            of the baseline.
        beyond_random: What the change is more than that of the control; None of baseline and
            controls, and where there is none.
        than_english: Of the baseline: its rate, less that of English; of others: the change, less
            the change in English. None of English.
        not_judged: Answers in languages that the rules do not know.
        degenerate: Answers that loop or stop being language.
        echoes: Answers that say little but the request again.
        verdicts: Of every answer, in the order of `pairs`.
    """

    arm: str
    set: str
    refused: IntervalEntry
    change: TestedDifference | None
    beyond_random: IntervalEntry | None
    than_english: IntervalEntry | None
    not_judged: int
    degenerate: int
    echoes: int
    verdicts: list[str]


class WordingEntry(TypedDict):
    """One wording.

    Attributes:
        wording: Its key, see `data.wordings.WORDINGS`.
        name: In words.
        along: Mean place on the English axis, by set: 1 and -1 are the means of harmful and
            harmless training prompts.
        points: Of every request, by set: its place on that axis, and on the English map, if any.
        axes: What the English directions tell apart.
        arms: What panels do to the answers.
        first_token: Share refused by first token, by set; None but of English, whose tokens it
            reads.
    """

    wording: str
    name: str
    along: dict[str, IntervalEntry]
    points: dict[str, list[list[float]]]
    axes: list[WordedAxis]
    arms: list[WordedArm]
    first_token: dict[str, IntervalEntry] | None


class EnglishMapEntry(TypedDict):
    """The map of English training prompts that requests are placed on.

    Attributes:
        position: Of the token that is read, from the end.
        layer: Whose input it is.
        means: Places of the class means.
        cloud: Places of all training prompts, by set.
    """

    position: int
    layer: int
    means: dict[str, list[float]]
    cloud: dict[str, list[list[float]]]


class WordingDocument(TypedDict):
    """The whole.

    Attributes:
        directions: SHA-256 of the file of directions that it was measured with.
        pairs: Numbers of the pairs in the prompt set.
        tokens: Length of the answers.
        places: Position and layer of each direction.
        panels: What each arm is, as text.
        map: None where a model has no map at that layer.
    """

    schema: int
    directions: NotRequired[str]
    model: str
    n: int
    pairs: list[int]
    tokens: int
    places: dict[str, list[int]]
    panels: dict[str, str]
    map: EnglishMapEntry | None
    wordings: list[WordingEntry]
    provenance: NotRequired[ProvenanceEntry]


def _flaw(document: WordingDocument) -> str:
    """Say what is not as in English, which comes first: its arms, and points of every pair."""
    rows, n = document["wordings"], document["n"]
    if n < 1 or not rows or rows[0]["wording"] != "en":
        return "no English wording as its first, or no pairs"
    if axis_of(rows[0], "dim") is None or arm_of(rows[0], "baseline", "harmful") is None:
        return "no difference in means, or no untouched answers, in English"
    arms = [(each["arm"], each["set"]) for each in rows[0]["arms"]]
    for row in rows:
        if not arms or [(each["arm"], each["set"]) for each in row["arms"]] != arms:
            return f"other arms in {row['wording']} than in English, or none"
        if {name: len(points) for name, points in row["points"].items()} != {
            "harmful": n,
            "harmless": n,
        }:
            return f"other points in {row['wording']} than of {n} pairs"
        numbers = 1 if document["map"] is None else 3
        if any(len(each) < numbers for points in row["points"].values() for each in points):
            return f"points of fewer than {numbers} numbers in {row['wording']}"
        if not row["along"].keys() >= {"harmful", "harmless"}:
            return f"no places along the direction in {row['wording']}"
    return ""


read: Final = DocumentKind(WORDING_FILE, WORDING_SCHEMA, WordingDocument, "wordings", _flaw).read
"""Reads it."""


def arm_of(entry: WordingEntry, arm: str, set_name: str) -> WordedArm | None:
    """Return what one panel does to one set in a wording, None where it was not asked."""
    return next(
        (each for each in entry["arms"] if (each["arm"], each["set"]) == (arm, set_name)), None
    )


def axis_of(entry: WordingEntry, axis: str) -> WordedAxis | None:
    """Return what one direction tells apart in a wording, None where it was not found."""
    return next((each for each in entry["axes"] if each["axis"] == axis), None)
