"""The form of `evaluation.json`, which `evaluation` writes, and `report` and the page read.

Types only, as in `manifest_document`. `old_schemas` turns documents of earlier schemas into these.
"""

from typing import Final, NotRequired, Required, cast

from typing_extensions import TypedDict

from steering.artifacts.manifest_document import EvaluationProvenance, SamplingEntry
from steering.intervals import IntervalEntry

EVALUATION_SCHEMA: Final = 3
"""Raised whenever a reader of the old documents would misread the new one."""


class TestedDifference(IntervalEntry):
    """A paired difference of two rates, with the exact McNemar test."""

    p_value: float


class PairedChange(TestedDifference):
    """The same, with the prompts that changed: newly refused, and no longer refused.

    `p_holm` is the p value after Holm's correction within the arms of the paper, which alone have
    it; those of others describe.
    """

    gained: int
    lost: int
    p_holm: NotRequired[float]


class SetRates(TypedDict):
    """What a panel does to one set of prompts.

    `verdicts` counts answers, `refusal_score` is the mean over prompts in nats, `difference` is
    that of the refusal rate to the baseline's, None of the baseline itself.
    """

    n: int
    refusal_rate: IntervalEntry
    substring_rate: NotRequired[IntervalEntry]
    looping_rate: NotRequired[IntervalEntry]
    gibberish_rate: NotRequired[IntervalEntry]
    hedged_rate: NotRequired[IntervalEntry]
    verdicts: NotRequired[dict[str, int]]
    refusal_score: NotRequired[float | None]
    difference: NotRequired[PairedChange | None]


class SetsEntry(TypedDict, total=False):
    """What a panel does, by set of prompts; sets that were not asked are missing."""

    harmful: SetRates
    harmless: SetRates
    borderline: SetRates


class MeasuredPanel(SetsEntry):
    """A panel by its text form, with what was measured of its answers; see `evaluation.table`."""

    panel: str
    perplexity: NotRequired[float | None]
    kl: NotRequired[float | None]
    loss_difference: NotRequired[IntervalEntry | None]


class ProseEntry(TypedDict):
    """What a panel costs on neutral prose: perplexity, KL in nats a token, change of the loss."""

    tokens: int
    perplexity: float
    kl: float
    loss_difference: IntervalEntry | None


class NetEntry(TypedDict, total=False):
    """What an edit changes beyond its matched random control, mean over seeds; see `net_effects`.

    `control` is the control's text form without its seed. Intervals are of the difference of the
    refusal rates, prompts and seeds both drawn anew.
    """

    control: Required[str]
    seeds: Required[int]
    harmful: IntervalEntry
    harmless: IntervalEntry
    borderline: IntervalEntry


class PanelEntry(MeasuredPanel):
    """An entry of an evaluation's `panels`: an arm with everything that was measured of it."""

    label: str
    kind: str
    net: NotRequired[NetEntry | None]
    prose: NotRequired[ProseEntry | None]


class ClaimPartEntry(TypedDict):
    """What the numbers say of a condition; `interval` is None where something is not measured.

    An `illustration` is told beside the claim, which does not hang on it.
    """

    statement: str
    verdict: str
    interval: IntervalEntry | None
    illustration: NotRequired[bool]


class ClaimEntry(TypedDict):
    """What the numbers say of one of the paper's claims; `number` is `1a` where it has lines."""

    claim: str
    number: NotRequired[str]
    verdict: str
    sentence: str
    parts: list[ClaimPartEntry]


class ScoreEntry(TypedDict):
    """Refusal scores of a set's next tokens, in nats; `opens` is the share above 0."""

    n: int
    refusal_score: IntervalEntry
    opens: IntervalEntry


class ScoredPanel(TypedDict):
    """A panel of which next tokens were read; `kl` is the mean on harmless prompts, in nats."""

    panel: str
    label: str
    kind: str
    harmful: ScoreEntry
    harmless: ScoreEntry
    kl: float


class RankedSet(TypedDict):
    """An arm among the seeds of a control on one set: mean refusal scores, in nats.

    `lower` counts the seeds whose score is at most the arm's; `net` is the arm's score minus the
    mean of the seeds'.
    """

    score: float
    seeds: list[float]
    lower: int
    net: IntervalEntry


class RankedPanel(TypedDict):
    """An arm among controls of one kind: `random`, `covariance`, `equal step` or `shuffled`."""

    panel: str
    label: str
    control: str
    harmful: RankedSet
    harmless: RankedSet


class NextTokensEntry(TypedDict):
    """What was read by next tokens alone; see `evaluation.next_tokens`."""

    panels: list[ScoredPanel]
    ranks: list[RankedPanel]


class LongEntry(TypedDict):
    """Longer answers of the paper's arms, on harmful and harmless prompts; see `long_answers`."""

    tokens: int
    panels: list[MeasuredPanel]


class LayerLanding(TypedDict):
    """Where the prompts of a set land at one layer: `outside` is the share off the map."""

    n: int
    t_mean: float
    t_sd: float
    nearest_harmless: IntervalEntry
    outside: float


class LandingEntry(TypedDict):
    """Where prompts land under one panel, by set and then by layer."""

    panel: str
    harmful: NotRequired[dict[str, LayerLanding]]
    harmless: NotRequired[dict[str, LayerLanding]]


class LandingsEntry(TypedDict):
    """Where prompts land under every panel, at the layers that are listed."""

    position: int
    layers: list[int]
    panels: list[LandingEntry]


class MatchEntry(TypedDict):
    """How often two judges agree, and Cohen's kappa, None where it has no value."""

    raw: IntervalEntry
    kappa: IntervalEntry | None


class JudgedRate(TypedDict):
    """Refusals of a panel on a set, by the chat model, over the answers that it judged."""

    n: int
    refusal_rate: IntervalEntry


class JudgeEntry(TypedDict):
    """A chat model's verdicts beside those of the rules; its own provenance stands beside them."""

    judge: str
    n: int
    judged: int
    verdict: MatchEntry | None
    refused: MatchEntry | None
    counts: NotRequired[list[list[str | int]]]
    panels: NotRequired[dict[str, dict[str, JudgedRate]]]


class DriftEntry(TypedDict):
    """How far prompts land from their stored coordinates at a layer; see `adaptation.drift`."""

    layer: int
    t_rms: float | None
    t_share: float | None
    spread_share: float | None
    t_share_left: float | None
    spread_share_left: float | None
    n: int
    verdict: str
    sentence: str


class DriftsEntry(TypedDict):
    """The same at the layers that are shown, with both number formats in words."""

    fitted: str
    here: str
    layers: list[DriftEntry]


class AgreementEntry(TypedDict):
    """How alike two fits of directions are; see `adaptation.refit.agreement`."""

    dim_cosine: float
    dim_norm_ratio: float
    inlp_cosine: float
    inlp_k: int
    inlp_ranks: list[int]
    n: NotRequired[dict[str, int]]


class EvaluationDocument(TypedDict):
    """`evaluation.json`, as `python -m steering evaluate` writes it.

    `judge_version` is that of the rules, see `verdicts.judgement`.
    """

    schema: int
    judge_version: NotRequired[int]
    model: str
    sampling: NotRequired[SamplingEntry]
    rows_per_batch: NotRequired[int]
    default_k: NotRequired[int]
    panels: list[PanelEntry]
    claims: NotRequired[list[ClaimEntry]]
    next_tokens: NotRequired[NextTokensEntry | None]
    long: NotRequired[LongEntry | None]
    geometry: NotRequired[LandingsEntry | None]
    judge: NotRequired[JudgeEntry | None]
    provenance: NotRequired[EvaluationProvenance]
    drift: NotRequired[DriftsEntry | None]
    directions_drift: NotRequired[AgreementEntry | None]


def net_of(net: NetEntry, group: str) -> IntervalEntry | None:
    """Return a net effect on a set of prompts; None where that was not measured."""
    return cast(IntervalEntry | None, net.get(group))


def rates_of(panel: SetsEntry, group: str) -> SetRates | None:
    """Return what a panel does to a set of prompts; None where that was not measured."""
    return cast(SetRates | None, panel.get(group)) or None
