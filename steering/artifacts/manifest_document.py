"""The form of `manifest.json`, and of what every document says of how it was made.

Types only, so that the page can read documents before torch is there. In all documents a key that
may be missing is `NotRequired`: shorter runs leave it out, and so did older versions.
"""

from typing import NotRequired

from typing_extensions import TypedDict

from steering.chat_templates.rendering import RenderingEntry


class WeightsEntry(TypedDict, total=False):
    """Where weights come from: the source in words, and what names them."""

    source: str | None
    sha256: str | None
    revision: str | None


class MachineEntry(TypedDict):
    """What affects the last bits of a number beside weights and number format."""

    device: str
    threads: int
    versions: dict[str, str]


class ProvenanceEntry(RenderingEntry, total=False):
    """What a reader needs to make the same numbers again."""

    weights: WeightsEntry
    architecture: str
    dtype: str
    quantization: str
    suffix: list[str]
    system: str
    openers: list[str]
    prompts: str
    seed: int
    device: str
    threads: int
    versions: dict[str, str]


class TextFacts(TypedDict, total=False):
    """What an evaluation was made on beside prompts: the prose, and how requests were written.

    `landed_on` is the machine that measured where prompts land, if it is not the one that answered.
    """

    text: str | None
    control_tokens: list[str]
    landed_on: MachineEntry


class EvaluationProvenance(ProvenanceEntry, TextFacts):
    """What a reader needs to make an evaluation again."""


class SamplingEntry(TypedDict, total=False):
    """How tokens were chosen; see `inference.sampling`."""

    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


class StabilityEntry(TypedDict):
    """How alike INLP's directions come out in other splits; see `interventions.stability`."""

    ranks: list[int]
    overlaps: list[float]


class InlpEntry(TypedDict):
    """What INLP found at a point: accuracies, one a direction, and why it stopped."""

    dev_accuracies: list[float]
    stopped: str
    cross_validated: NotRequired[list[float]]
    stability: NotRequired[StabilityEntry]


class ClassesEntry(TypedDict):
    """By which definition of the classes what was fitted; see `artifacts.class_fits`."""

    dim: str
    inlp: str
    other: NotRequired[str]
    inlp_of_other: NotRequired[dict[str, InlpEntry]]


class OpenerEntry(TypedDict):
    """A first token and how likely it is where the model refuses and where it answers."""

    token: int
    text: str
    refused: float
    answered: float
    taken: bool


class OpenersEntry(TypedDict):
    """The table of refusal openers; see `interventions.openers`."""

    rows: list[OpenerEntry]
    n_refused: int
    n_answered: int


class ChoiceEntry(TypedDict, total=False):
    """A point that was chosen, by which rule, and how many passed of those that were tried."""

    position: int
    layer: int
    rule: str
    passed: int
    tried: int


class FrontEntry(TypedDict):
    """A place on the front of a choice, with its scores in nats; see `artifacts.fronts`."""

    position: int
    layer: int
    bypass: float
    induce: float
    kl: float
    n: int | None
    chosen: bool
    leads: bool


class OriginEntry(TypedDict):
    """Where imported directions come from: files with their SHA-256, and what was done to them."""

    format: str
    files: dict[str, str]
    date: str
    scale: float
    numbers: str
    notes: list[str]


class ManifestFacts(ProvenanceEntry, total=False):
    """What a maker of directions says of them: provenance, what they were chosen by, scores.

    Points in keys are written `position,layer`. `k_complied` is what version 1 of the rules for
    verdicts said in place of `k_answered`.
    """

    fingerprint: str
    quick: bool
    chosen: str
    effort: dict[str, int | None]
    train: dict[str, int]
    train_kept: dict[str, int]
    train_classes: dict[str, int]
    validation_kept: dict[str, int]
    dim_choice: ChoiceEntry
    inlp_choice: ChoiceEntry
    dim_scores: list[dict[str, float]]
    dim_screening: dict[str, dict[str, float]]
    inlp_scores: dict[str, float]
    inlp_tables: dict[str, list[dict[str, float]]]
    nullspace_choice: ChoiceEntry
    fronts: dict[str, list[FrontEntry]]
    rounds: dict[str, dict[str, int]]
    k_complied: dict[str, float]
    k_answered: dict[str, float]
    nullspace_k_answered: dict[str, float]
    c_refused: dict[str, float]
    imported_from: OriginEntry
    position_known: bool


class ImportedFacts(TypedDict, total=False):
    """What only imported directions have to say; see `directions.Directions`."""

    places: list[list[int]]
    imported: str


class StartEntry(TypedDict):
    """Point and rank at which an intervention starts."""

    place: list[int]
    k: int


class FittedFacts(TypedDict, total=False):
    """What earlier versions did not look for; see `directions.Directions`."""

    classes: ClassesEntry
    opener_table: OpenersEntry
    nullspace_start: StartEntry
    class_names: list[str]


class Manifest(ManifestFacts, ImportedFacts, FittedFacts):
    """`manifest.json`: the facts, and what `directions.safetensors` cannot say."""

    schema: int
    model: str
    positions: list[int]
    dim_place: list[int]
    inlp_place: list[int]
    default_k: int
    default_c: float
    inlp: dict[str, InlpEntry]
    directions_sha256: str
