"""The form of `transfer.json`, which `adaptation.transfer` writes, and its table reads.

Types only, as in `manifest_document`. `old_schemas` turns documents of earlier schemas into these.
"""

from typing import Final, NotRequired, TypedDict

from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.manifest_document import MachineEntry, WeightsEntry
from steering.intervals import IntervalEntry

TRANSFER_SCHEMA: Final = 2
"""Raised whenever a reader of the old documents would misread the new one."""


class TransferProvenance(MachineEntry):
    """What a reader needs to make the table again, of the last format that was run in."""

    weights: WeightsEntry
    prompts: str


class TransferRate(IntervalEntry):
    """A refusal rate with its differences: to a fit in the run format, and to the baseline."""

    difference: TestedDifference
    from_baseline: NotRequired[TestedDifference]


class TransferPair(TypedDict):
    """Directions and maps of one number format at work in another."""

    fit: str
    run: str
    dim_cosine: float
    dim_norm_ratio: NotRequired[float]
    inlp_cosine: float
    inlp_k: NotRequired[int]
    inlp_ranks: NotRequired[list[int]]
    layer: NotRequired[int]
    t_rms: float | None
    t_share: NotRequired[float | None]
    spread_share: float | None
    t_share_left: NotRequired[float | None]
    spread_share_left: NotRequired[float | None]
    n: NotRequired[int]
    verdict: str
    refused: dict[str, TransferRate]


class TransferBaseline(TypedDict):
    """How often the unedited model refuses in a number format."""

    run: str
    refused: IntervalEntry


class TransferFormat(TypedDict):
    """A number format, and what a fit in it was made of."""

    device: str
    quantization: str
    dtype: str
    name: str
    kept: dict[str, int]
    shipped: bool
    inlp_rank: int


class TransferDocument(TypedDict):
    """`transfer.json`, as `python -m steering transfer` writes it; `n` counts prompts.

    Without a `judge_version` its refusals were told by version 1 of the rules.
    """

    schema: int
    judge_version: NotRequired[int]
    model: NotRequired[str]
    n: int
    n_train: NotRequired[dict[str, int]]
    tokens: NotRequired[int]
    dim_place: NotRequired[list[int]]
    inlp_place: NotRequired[list[int]]
    formats: NotRequired[list[TransferFormat]]
    baseline: list[TransferBaseline]
    pairs: list[TransferPair]
    provenance: NotRequired[TransferProvenance]
