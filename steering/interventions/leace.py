"""LEACE: what reads the component that the least change of states takes away.

Least-squares concept erasure (Belrose et al. 2023, arXiv:2306.03819, theorem 4.3), for states x
with mean mu and covariance S, and a concept z with cross-covariance S_xz:

    x  ->  x - W^+ P W (x - mu)        W = (S^(1/2))^+,  P projects on the columns of W S_xz

For two classes S_xz is a multiple of the difference in means r, and all of it is one direction:

    x  ->  x - r (S^-1 r)^T (x - mu) / (r^T S^-1 r)

So LEACE takes away along r, as ablation about that mean does, but reads how much there is with
the row S^-1 r, which is that of linear discriminant analysis: what else varies along r stays. No
linear classifier tells the classes apart afterwards, and of all affine maps that reach this it
moves states the least. Where states vary alike in all directions, both are the same.

The covariance is that of `controls.StateShape`: its leading axes and a rest that is alike in all
others. The paper takes the sample's own, the library `concept-erasure` one that is shrunk towards
equal variances, for the same reason: of fewer prompts than dimensions the sample knows too little,
and its inverse would read noise. That the classes have one mean afterwards holds for any of them.
"""

from typing import Final

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.interventions.controls import StateShape

_LEAST: Final = 1e-6
"""Variance that counts, at the least, as a share of the mean variance (chosen): less is rounding,
and what is divided by it is, too."""


def reader(
    shape: StateShape, along: Float[Tensor, "rank d_model"]
) -> Float[Tensor, "rank d_model"]:
    """Return the rows that LEACE reads directions with, each for itself.

    Args:
        shape: Where the states lie.
        along: The direction that is taken away, a row each: of unit length.

    Returns:
        float32; row i times row i of `along` is 1.

    Raises:
        SteeringError: If states do not vary along a direction, so that nothing can be read there.
    """
    rows = along.double()
    weighted = over_covariance(shape, rows)
    read = (weighted * rows).sum(dim=1, keepdim=True)
    if not bool((read > 0).all()):
        raise SteeringError(
            "the states do not vary along the direction that leace takes away, so it cannot be "
            "read there; choose ablation, which does not need to"
        )
    return (weighted / read).float()


def over_covariance(
    shape: StateShape, rows: Float[Tensor, "row d_model"]
) -> Float[Tensor, "row d_model"]:
    """Return the inverse covariance of states times rows, in float64; never as a matrix.

    The axes are orthogonal, so each is divided by its own variance and what is left by the rest's.
    Where the states do not vary, nothing is read (the pseudo-inverse, as in the paper).
    """
    spread, rest = shape.spread.double(), shape.rest.double()
    beyond = spread.square().sum(dim=1)
    least = float(_LEAST * (rest + beyond.sum() / spread.shape[1]))
    # Axes that stand out; the others have the rest's variance, and are part of it.
    axes, beyond = spread[beyond > least], beyond[beyond > least]
    axes = axes / beyond.sqrt()[:, None]
    rows = rows.double()
    inside = rows @ axes.T
    found: Tensor = (inside / (beyond + rest)) @ axes
    if float(rest) > least:
        found = found + (rows - inside @ axes) / rest
    return found
