"""The directions that carry refusal, and the first way to find one: difference in means.

Difference in means (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3), at position p and layer l:

    r = mean over harmful prompts of h  -  mean over harmless prompts of h
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from steering.chat_templates.rendering import PLAIN, Rendering
from steering.errors import SteeringError
from steering.interventions import missing_parts
from steering.interventions.controls import Controls
from steering.interventions.inlp import Inlp
from steering.interventions.openers import OpenerTable
from steering.interventions.outline import CLASS_NAMES, Start, require_inlp, require_point, within
from steering.interventions.outline import ExtractionPoint as ExtractionPoint
from steering.interventions.stability import Stability
from steering.interventions.subspace import Subspace


def difference_in_means(
    harmful: Float[Tensor, "harmful *point d_model"],
    harmless: Float[Tensor, "harmless *point d_model"],
) -> Float[Tensor, "*point d_model"]:
    """Return mean(harmful) - mean(harmless) at every point, raw norm, summed in float64.

    At the first block's input the template tokens are the same for every prompt, so the
    difference is exactly zero there and has no direction: check before normalising.
    """
    return (harmful.double().mean(0) - harmless.double().mean(0)).float()


@dataclass(frozen=True, eq=False)
class ClassFit:
    """What was fitted on the classes by one definition; the fields are those of `Directions`.

    Attributes:
        classes: The definition, `label` or `behaviour`.
        difference: Difference in means.
        harmless_mean: Mean of the harmless activations behind it.
        inlp: What INLP found on the same prompts.
    """

    classes: str
    difference: Float[Tensor, "position layer d_model"]
    harmless_mean: Float[Tensor, "position layer d_model"]
    inlp: Mapping[ExtractionPoint, Inlp]


@dataclass(frozen=True, eq=False)
class Directions:
    """All directions of one model, as `precomputed/<model>/` holds them.

    Attributes:
        model: Name of the model they were fitted on.
        difference: Difference in means r, raw norm, at every template position and layer; zero
            where `points` says that none is known.
        harmless_mean: Mean of the harmless activations behind `difference`; None where it is not
            known. INLP may be fitted on other prompts: each fit has class means of its own.
        positions: Template positions along the first axis, for example (-5, -4, -3, -2, -1).
        inlp: What INLP found, at the points where it was fitted; empty where it was not.
        dim_point: (position, layer) that the selection chose for difference in means.
        inlp_point: The same for INLP; the same point as `dim_point` where INLP was not fitted.
        default_k: Rank at which INLP panels start.
        default_c: Coefficient at which activation addition induces refusal.
        points: Where the difference is known; None for everywhere.
        imported: What is known of vectors that were fitted elsewhere, and of their sign, as shown
            to the reader; None for directions fitted here.
        rendering: How the requests were rendered that they were fitted on.
        openers: With which tokens this model's refusals begin, and answers do not; None where it
            was not looked for, or where nothing can be told.
        dim_classes: The definition of the classes that `difference` was fitted on, see
            `class_definitions`; None where that is not known.
        inlp_classes: The same for `inlp`; another one in artifacts of earlier versions only.
        other: What was fitted by the other definition; None where nothing was.
        controls: What controls of the same data need; None where it is not stored.
        nullspace: Point and rank at which nullspace projection starts, where they were chosen by
            it; None where it starts as flipping does, as in artifacts of earlier versions.
        class_names: What a reader calls the classes: of what stands for `harmful`, and for
            `harmless`. Other names where somebody's own contrast was fitted.
    """

    model: str
    difference: Float[Tensor, "position layer d_model"]
    harmless_mean: Float[Tensor, "position layer d_model"] | None
    positions: tuple[int, ...]
    inlp: Mapping[ExtractionPoint, Inlp]
    dim_point: ExtractionPoint
    inlp_point: ExtractionPoint
    default_k: int
    default_c: float
    points: tuple[ExtractionPoint, ...] | None = None
    imported: str | None = None
    rendering: Rendering = PLAIN
    openers: OpenerTable | None = None
    dim_classes: str | None = None
    inlp_classes: str | None = None
    other: ClassFit | None = None
    controls: Controls | None = None
    nullspace: Start | None = None
    class_names: tuple[str, str] = CLASS_NAMES

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        return self.difference.shape[1]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.difference.shape[2]

    @property
    def other_classes(self) -> str | None:
        """The definition of `other`; None where there is no other fit."""
        return self.other.classes if self.other else None

    @property
    def other_ranks(self) -> dict[ExtractionPoint, int]:
        """What `inlp_ranks` is, of `other`; empty where there is no other fit."""
        fits = self.other.inlp if self.other else {}
        return {point: found.subspace.rank for point, found in fits.items()}

    @property
    def other_stabilities(self) -> dict[ExtractionPoint, Stability]:
        """What `stabilities` is, of `other`."""
        return _stabilities(self.other.inlp) if self.other else {}

    @property
    def covariance_points(self) -> tuple[ExtractionPoint, ...]:
        """Where the covariance of the training prompts' states is stored."""
        return tuple(sorted(self.controls.shapes)) if self.controls else ()

    def of(self, classes: object) -> "Directions":
        """Return the same directions as they were fitted by a definition of the classes.

        Places stay those that were chosen; the rank to start with is no more than INLP kept there.
        None, or a definition that is not `other`'s, gives these.
        """
        if self.other is None or classes != self.other.classes:
            return self
        fit, own = self.other, self.dim_classes
        turned = None
        if own is not None and self.harmless_mean is not None:
            turned = ClassFit(own, self.difference, self.harmless_mean, self.inlp)
        there = fit.inlp.get(self.inlp_point)
        return replace(
            self,
            difference=fit.difference,
            harmless_mean=fit.harmless_mean,
            inlp=fit.inlp,
            default_k=min(self.default_k, there.subspace.rank) if there else self.default_k,
            nullspace=within(
                self.nullspace, {p: found.subspace.rank for p, found in fit.inlp.items()}
            ),
            dim_classes=fit.classes,
            inlp_classes=fit.classes,
            other=turned,
        )

    @property
    def inlp_ranks(self) -> dict[ExtractionPoint, int]:
        """How many directions INLP kept, at the points where it was fitted."""
        return {point: found.subspace.rank for point, found in self.inlp.items()}

    @property
    def inlp_layer(self) -> int:
        """The block at whose input INLP's edits are made."""
        return self.inlp_point[1]

    @property
    def inlp_rank(self) -> int:
        """How many directions INLP kept at its point; 0 where it was not fitted."""
        return self.inlp_ranks.get(self.inlp_point, 0)

    @property
    def stabilities(self) -> dict[ExtractionPoint, Stability]:
        """How alike INLP's directions come out in other splits, at the points where it is known."""
        return _stabilities(self.inlp)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that an edit, or the refusal score, depends on, in hexadecimal."""
        digest = hashlib.sha256()
        tensors = [self.difference]
        tensors += [] if self.harmless_mean is None else [self.harmless_mean]
        fits = [found for _, found in sorted(self.inlp.items())]
        tensors += [found.subspace.basis for found in fits]
        tensors += [found.means for found in fits if found.means is not None]
        tensors += self.controls.tensors().values() if self.controls else []
        for tensor in tensors:
            digest.update(tensor.contiguous().numpy().tobytes())
        points = (sorted(self.inlp), self.dim_point, self.inlp_point)
        facts: tuple[Any, ...] = (points, self.positions, self.default_k, self.default_c)
        facts += () if self.points is None else (sorted(self.points),)
        facts += () if self.nullspace is None else ([self.nullspace.point, self.nullspace.k],)
        if self.other is not None:
            facts += (self.dim_classes, self.inlp_classes, self.other.classes)
            digest.update(replace(self.of(self.other.classes), other=None).digest.encode())
        facts += () if self.openers is None else ([row.token for row in self.openers.taken],)
        digest.update(json.dumps(facts).encode())
        return digest.hexdigest()

    def require(self, model: str, *, n_layers: int, d_model: int) -> None:
        """Refuse a model of another shape.

        Raises:
            SteeringError: Names both shapes.
        """
        if (n_layers, d_model) != (self.n_layers, self.d_model):
            raise SteeringError(
                f"the directions of {self.model} ({self.n_layers} blocks, d_model {self.d_model}) "
                f"do not fit {model} ({n_layers} blocks, d_model {d_model}); make its own with "
                f"`python -m steering precompute --model {model}`"
            )

    def raw(self, point: ExtractionPoint) -> Float[Tensor, " d_model"]:
        """Return the difference in means at a point, raw norm.

        Raises:
            SteeringError: If the point does not exist, or no difference is known there.
        """
        return self.difference[self._index(point), point[1]]

    def mean_of_harmless(self, point: ExtractionPoint) -> Float[Tensor, " d_model"]:
        """Return the mean of the harmless activations behind the difference at a point.

        Raises:
            SteeringError: If the point does not exist, or only the difference is known.
        """
        if self.harmless_mean is None:
            raise missing_parts.no_harmless_mean(self.model)
        return self.harmless_mean[self._index(point), point[1]]

    def midpoint(self, basis: str, point: ExtractionPoint) -> Float[Tensor, " d_model"]:
        """Return the point halfway between the class means of the prompts a basis was fitted on.

        Args:
            basis: `dim` or `inlp`: they may be fitted on different prompts.
            point: Where they were fitted.

        Raises:
            SteeringError: If nothing was fitted there, or the means are not known.
        """
        if basis == "inlp":
            require_inlp(self, point)
            means = self.inlp[point].means
            if means is None:
                raise missing_parts.no_means_of_inlp(self.model, point)
            return (means.double().mean(0)).float()
        if self.harmless_mean is None:
            raise missing_parts.no_means(self.model)
        return self.harmless_mean[self._index(point), point[1]] + self.raw(point) / 2

    def subspace(self, basis: str, point: ExtractionPoint) -> Subspace:
        """Return everything that was found at a point: `dim` (rank 1) or `inlp` (rank k).

        Raises:
            SteeringError: If nothing was fitted there.
        """
        if basis == "dim":
            raw = self.raw(point)
            if not bool(raw.any()):
                raise SteeringError(
                    f"the class means at layer {point[1]}, position {point[0]} are equal, so there "
                    "is no direction; choose a layer from 1 on"
                )
            return Subspace.spanned_by(
                raw[None], position=point[0], layer=point[1], method="difference in means"
            )
        require_inlp(self, point)
        return self.inlp[point].subspace

    def _index(self, point: ExtractionPoint) -> int:
        require_point(self, point)
        return self.positions.index(point[0])


def _stabilities(fits: Mapping[ExtractionPoint, Inlp]) -> dict[ExtractionPoint, Stability]:
    return {point: found.stability for point, found in fits.items() if found.stability}
