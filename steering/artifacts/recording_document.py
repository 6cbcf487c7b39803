"""The form of a line of `recordings.jsonl`, which `recordings` writes, and the playground plays.

Types only, as in `manifest_document`.
"""

from typing import NotRequired, TypedDict

from steering.artifacts.manifest_document import SamplingEntry
from steering.maps.map_points import RecordedPlaces


class RecordedAnswer(TypedDict):
    """A panel's answer; the fields are those of `comparison.Answer`."""

    panel: str
    text: NotRequired[str]
    finished: NotRequired[bool]
    ended: NotRequired[bool]
    verdict: NotRequired[str | None]
    reason: NotRequired[str | None]
    looping: NotRequired[bool | None]
    gibberish: NotRequired[bool | None]
    degenerate_from: NotRequired[int | None]
    degenerate_from_token: NotRequired[int | None]
    refusal_score: NotRequired[float | None]
    p_refusal: NotRequired[float | None]
    first_tokens: NotRequired[list[tuple[str, float]]]
    kl: NotRequired[float | None]
    perplexity: NotRequired[float | None]
    tokens: NotRequired[int]
    seconds: NotRequired[float]
    thinking: NotRequired[str | None]
    token_ids: NotRequired[list[int]]
    begun: NotRequired[int]


class Recording(TypedDict):
    """An example request with every panel's answer, and where it lies on the maps.

    `panels` are text forms, `resolved` the same with every default filled in.
    """

    prompt: str
    label: NotRequired[str]
    panels: NotRequired[list[str]]
    resolved: NotRequired[list[str]]
    sampling: NotRequired[SamplingEntry]
    answers: list[RecordedAnswer]
    places: NotRequired[RecordedPlaces]
