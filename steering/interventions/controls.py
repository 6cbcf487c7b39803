"""Controls that look like the found directions: drawn as the states lie, or fitted to chance.

A direction that is drawn with every direction alike hardly meets the states of a model, which lie
in few of their dimensions: an edit along it moves them less than one along found directions does,
and leaves the text alone for that reason. Three controls are closer:

- `covariance`: drawn from a normal distribution with the covariance of the states;
- of equal step: drawn alike, at the alpha at which they move states as far as the found ones do
  (root mean square over the prompts that the directions were fitted on);
- `shuffled`: what INLP finds when the labels are shuffled, as many directions as with the true ones
  (control tasks: Hewitt & Liang 2019, arXiv:1909.03368).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.interventions import missing_parts
from steering.interventions.outline import ExtractionPoint
from steering.interventions.subspace import Subspace


@dataclass(frozen=True, eq=False)
class StateShape:
    """Where the states of all prompts lie at one point: a mean, and a covariance with few axes.

    The covariance is spread^T spread + rest times the identity (probabilistic principal components:
    Tipping & Bishop 1999); its trace is that of the states.

    Attributes:
        mean: Of all prompts, both classes, in the units of the residual stream.
        spread: A row each axis, as long as the standard deviation along it beyond the rest's.
        rest: Variance in every dimension, a tensor of one number.
    """

    mean: Float[Tensor, " d_model"]
    spread: Float[Tensor, "axis d_model"]
    rest: Float[Tensor, ""]

    @classmethod
    def of(cls, states: Float[Tensor, "prompt d_model"], *, axes: int) -> "StateShape":
        """Return the shape of states, with at most so many axes."""
        mean = states.double().mean(0)
        _, values, rows = torch.linalg.svd(states.double() - mean, full_matrices=False)
        variances = values**2 / len(states)
        kept = min(axes, len(variances))
        left = max(1, states.shape[1] - kept)
        rest = variances[kept:].sum() / left
        scale = (variances[:kept] - rest).clamp(min=0).sqrt()
        return cls(mean.float(), (scale[:, None] * rows[:kept]).float(), rest.float())

    def mean_square(self, basis: Float[Tensor, "rank d_model"]) -> float:
        """Return the mean squared length of the states' components inside a subspace, from zero."""
        rows = basis.double()
        along = rows @ torch.cat([self.mean[None], self.spread]).double().T
        return float((along**2).sum() + len(rows) * self.rest.double())

    def drawn(self, like: Subspace, *, seed: int) -> Subspace:
        """Return a subspace of the rank of `like`, of directions drawn with this covariance."""
        generator = torch.Generator().manual_seed(seed)
        axes = torch.randn(like.rank, len(self.spread), generator=generator)
        beside = torch.randn(like.rank, self.spread.shape[1], generator=generator)
        vectors = axes.double() @ self.spread.double() + self.rest.double().sqrt() * beside
        return Subspace.spanned_by(
            vectors, layer=like.layer, position=like.position, method=f"covariance (seed {seed})"
        )


@dataclass(frozen=True, eq=False)
class Controls:
    """What the controls of a model's directions need; fitted by `fitting.control_fit`.

    Attributes:
        shapes: Where the states lie, at the points where edits are compared.
        shuffled: What INLP found on shuffled labels, by point; one a seed, from 0 on.
    """

    shapes: Mapping[ExtractionPoint, StateShape]
    shuffled: Mapping[ExtractionPoint, tuple[Subspace, ...]] = field(default_factory=dict)

    def shape_at(self, model: str, point: ExtractionPoint) -> StateShape:
        """Return where the states lie at a point.

        Raises:
            SteeringError: If that is not stored.
        """
        if point not in self.shapes:
            raise missing_parts.no_controls(model, point)
        return self.shapes[point]

    def subspace(self, model: str, basis: str, like: Subspace, *, seed: int) -> Subspace:
        """Return a control of the rank of `like`, at its point.

        Args:
            model: Its name, for errors.
            basis: `covariance` or `shuffled`.
            like: What it is the control of.
            seed: Of the draw; INLP on shuffled labels has few.

        Raises:
            SteeringError: If it is not stored there, or not for this seed.
        """
        point = (like.position, like.layer)
        if basis == "covariance":
            return self.shape_at(model, point).drawn(like, seed=seed)
        found = self.shuffled.get(point, ())
        if not found:
            raise missing_parts.no_controls(model, point)
        if seed >= len(found):
            raise SteeringError(
                f"seed={seed} of basis=shuffled is out of range: INLP was fitted on "
                f"{len(found)} shuffles of the labels; choose 0 to {len(found) - 1}"
            )
        return found[seed].leading(like.rank)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors, in a fixed order."""
        found: dict[str, Tensor] = {}
        for point, shape in sorted(self.shapes.items()):
            key = key_of(point)
            found |= {f"mean{key}": shape.mean, f"spread{key}": shape.spread}
            found[f"rest{key}"] = shape.rest.reshape(1)
        for point, subspaces in sorted(self.shuffled.items()):
            for seed, each in enumerate(subspaces):
                found[f"shuffled{key_of(point)}{seed}"] = each.basis
        return {name: tensor.contiguous() for name, tensor in found.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Controls":
        """Return the controls that `tensors` were of.

        Raises:
            KeyError, ValueError: If they do not belong together.
        """
        shapes: dict[ExtractionPoint, StateShape] = {}
        shuffled: dict[ExtractionPoint, dict[int, Subspace]] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("(")
            key, _, seed = rest.partition(")")
            position, layer = map(int, key.split(","))
            point = (position, layer)
            if kind == "mean":
                spread, left = tensors[f"spread({key})"], tensors[f"rest({key})"]
                shapes[point] = StateShape(tensor, spread, left.reshape(()))
            elif kind == "shuffled":
                found = Subspace(tensor, layer, position, f"INLP on shuffled labels (seed {seed})")
                shuffled.setdefault(point, {})[int(seed)] = found
        return cls(
            shapes,
            {
                point: tuple(found[i] for i in range(len(found)))
                for point, found in shuffled.items()
            },
        )


def key_of(point: ExtractionPoint) -> str:
    """Return a point as it ends a tensor's name."""
    return f"({point[0]},{point[1]})"
