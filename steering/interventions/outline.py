"""What there is to know of a model's directions without holding a single one of them.

The page is laid out from this, so it must not import torch; what the directions do not have is
refused here, in the same words, whether they are there already or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, runtime_checkable

from steering.errors import SteeringError
from steering.interventions import missing_parts
from steering.interventions.openers import OpenerTable
from steering.interventions.stability import Stability

ExtractionPoint = tuple[int, int]
"""(position, layer): template position, -1 for the last template token; block input, from 0."""
CLASS_NAMES: Final = ("harmful", "harmless")
"""What the classes are called where nobody gave them other names, the first one first."""


@dataclass(frozen=True)
class Start:
    """Where an intervention along INLP's directions is made, and with how many, unless asked.

    Attributes:
        point: (position, layer).
        k: Rank.
    """

    point: ExtractionPoint
    k: int


@runtime_checkable
class Facts(Protocol):
    """What panels, cards and sliders ask; `Outline` and `directions.Directions` know it."""

    @property
    def model(self) -> str:
        """Name of the model."""
        ...

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        ...

    @property
    def positions(self) -> tuple[int, ...]:
        """Template positions that have a difference in means, for example (-5, -4, -3, -2, -1)."""
        ...

    @property
    def dim_point(self) -> ExtractionPoint:
        """The point that the selection chose for difference in means."""
        ...

    @property
    def inlp_point(self) -> ExtractionPoint:
        """The same for INLP."""
        ...

    @property
    def inlp_ranks(self) -> Mapping[ExtractionPoint, int]:
        """How many directions INLP kept, at the points where it was fitted."""
        ...

    @property
    def default_k(self) -> int:
        """Rank at which INLP panels start."""
        ...

    @property
    def default_c(self) -> float:
        """Coefficient at which activation addition induces refusal."""
        ...

    @property
    def points(self) -> tuple[ExtractionPoint, ...] | None:
        """Where the difference in means is known; None for everywhere."""
        ...

    @property
    def imported(self) -> str | None:
        """What is known of vectors that were fitted elsewhere; None for those fitted here."""
        ...

    @property
    def stabilities(self) -> Mapping[ExtractionPoint, Stability]:
        """How alike INLP's directions come out in other splits, at the points where it is known."""
        ...

    @property
    def nullspace(self) -> Start | None:
        """Where nullspace projection starts; None where it does as flipping does."""
        ...

    @property
    def dim_classes(self) -> str | None:
        """The definition of the classes behind the difference in means; see `class_definitions`."""
        ...

    @property
    def inlp_classes(self) -> str | None:
        """The same for INLP."""
        ...

    @property
    def other_classes(self) -> str | None:
        """The definition by which both were fitted as well; None where they were not."""
        ...

    @property
    def covariance_points(self) -> tuple[ExtractionPoint, ...]:
        """Where the covariance of the training prompts' states is stored; mostly nowhere."""
        ...

    def of(self, classes: str | None) -> "Facts":
        """Return the facts of what was fitted by a definition; None for the default."""
        ...

    @property
    def openers(self) -> OpenerTable | None:
        """With which tokens refusals begin, and answers do not; None where it was not found out."""
        ...

    @property
    def class_names(self) -> tuple[str, str]:
        """What the classes are called; see `directions.Directions`."""
        ...


@dataclass(frozen=True)
class Outline:
    """The facts alone; see `Facts` for their meaning."""

    model: str
    n_layers: int
    positions: tuple[int, ...]
    dim_point: ExtractionPoint
    inlp_point: ExtractionPoint
    inlp_ranks: Mapping[ExtractionPoint, int]
    default_k: int
    default_c: float
    points: tuple[ExtractionPoint, ...] | None = None
    imported: str | None = None
    stabilities: Mapping[ExtractionPoint, Stability] = field(default_factory=dict)
    openers: OpenerTable | None = None
    dim_classes: str | None = None
    inlp_classes: str | None = None
    other_classes: str | None = None
    other_ranks: Mapping[ExtractionPoint, int] = field(default_factory=dict)
    other_stabilities: Mapping[ExtractionPoint, Stability] = field(default_factory=dict)
    nullspace: Start | None = None
    class_names: tuple[str, str] = CLASS_NAMES
    covariance_points: tuple[ExtractionPoint, ...] = ()

    def of(self, classes: object) -> "Outline":
        """Return the facts of what was fitted by a definition, as `Directions.of` does."""
        if classes is None or classes != self.other_classes:
            return self
        rank = self.other_ranks.get(self.inlp_point, self.default_k)
        return replace(
            self,
            inlp_ranks=self.other_ranks,
            default_k=min(self.default_k, rank),
            nullspace=within(self.nullspace, self.other_ranks),
            stabilities=self.other_stabilities,
            dim_classes=classes,
            inlp_classes=classes,
            other_classes=self.dim_classes,
            other_ranks=self.inlp_ranks,
            other_stabilities=self.stabilities,
        )


def start_of(facts: Facts, kind: str) -> Start:
    """Return where a kind of panel along INLP's directions starts: each where it was chosen."""
    if kind == "nullspace" and facts.nullspace is not None:
        return facts.nullspace
    return Start(facts.inlp_point, facts.default_k)


def inlp_points(facts: Facts) -> tuple[ExtractionPoint, ...]:
    """Return the points that were chosen for INLP: flipping's, then nullspace projection's."""
    chosen = (start_of(facts, kind).point for kind in ("flip", "nullspace"))
    return tuple(dict.fromkeys(chosen))


def within(start: Start | None, ranks: Mapping[ExtractionPoint, int]) -> Start | None:
    """Return a start with no more directions than INLP kept at its point."""
    return start and replace(start, k=min(start.k, ranks.get(start.point, start.k)))


def require_point(facts: Facts, point: ExtractionPoint) -> None:
    """Refuse a point that a model's directions do not have.

    Raises:
        SteeringError: Says which positions and layers there are.
    """
    position, layer = point
    if position not in facts.positions:
        raise SteeringError(
            f"position {position} is out of range: the directions of {facts.model} have the "
            f"template positions {', '.join(map(str, facts.positions))}"
        )
    if not 0 <= layer < facts.n_layers:
        raise SteeringError(
            f"layer {layer} is out of range: {facts.model} has blocks 0 to {facts.n_layers - 1}"
        )
    missing_parts.require_known(facts.model, point, facts.points)


def require_inlp(facts: Facts, point: ExtractionPoint) -> int:
    """Return how many directions INLP kept at a point.

    Raises:
        SteeringError: If it was not fitted there; says where it was.
    """
    if not facts.inlp_ranks:
        raise SteeringError(missing_parts.no_inlp(facts.model))
    if point in facts.inlp_ranks:
        return facts.inlp_ranks[point]
    layers = sorted(layer for position, layer in facts.inlp_ranks if position == point[0])
    where = (
        f"at position {point[0]} it has layers {layers[0]} to {layers[-1]}"
        if layers
        else f"it has positions {sorted({position for position, _ in facts.inlp_ranks})}"
    )
    raise SteeringError(
        f"INLP was not fitted at layer {point[1]}, position {point[0]}; {where}; "
        "choose one of these"
    )


def require_rank(k: int, rank: int, point: ExtractionPoint, method: str) -> None:
    """Refuse more directions than a method found at a point, or fewer than one.

    Raises:
        SteeringError: Says how many there are.
    """
    if not 1 <= k <= rank:
        raise SteeringError(
            f"k={k} is out of range: {method} at layer {point[1]}, position {point[0]} has "
            f"directions 1 to {rank}; choose k in that range"
        )
