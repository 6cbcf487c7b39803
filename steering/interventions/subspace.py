"""The linear subspaces of the residual stream that carry a behaviour."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steering.interventions.outline import require_rank

_ORTHONORMAL_TOLERANCE = 1e-4
"""How far `basis @ basis.T` may be from the identity, per entry; a float64 QR rounded to float32
stays below 1e-6, a basis rounded to bfloat16 is off by 1e-4 to 3.5e-3 (measured) and refused."""


@dataclass(frozen=True, eq=False)
class Subspace:
    """An orthonormal basis of the part of the residual stream that an intervention acts on.

    Difference in means gives rank 1; INLP gives one row per classifier, in the order in which it
    found them. The projector `basis.T @ basis` (d_model x d_model) is never built: applying the
    two thin factors costs O(rank * d_model) per token.

    Attributes:
        basis: Orthonormal rows, float32. The first k rows span the first k vectors it was made of.
        layer: Index of the decoder block at whose input it was fitted, from 0.
        position: Template position it was fitted at, -1 for the last template token.
        method: How it was found, as shown to the reader, for example "difference in means".
    """

    basis: Float[Tensor, "rank d_model"]
    layer: int
    position: int
    method: str

    def __post_init__(self) -> None:
        """Refuse a basis that is not orthonormal, since every formula here relies on it."""
        if self.basis.dtype != torch.float32:
            raise ValueError(f"a basis is stored in float32, not in {self.basis.dtype}")
        gram = self.basis @ self.basis.T
        error = (gram - torch.eye(len(gram), device=gram.device)).abs().max().item()
        if not error <= _ORTHONORMAL_TOLERANCE:
            raise ValueError(
                f"the basis of {self.method!r} at layer {self.layer} is not orthonormal: "
                f"its Gram matrix is off by {error:.2g}, more than {_ORTHONORMAL_TOLERANCE:g}; "
                "build it with Subspace.spanned_by(), which orthonormalises"
            )

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.basis)

    @classmethod
    def spanned_by(
        cls, vectors: Float[Tensor, "rank d_model"], *, layer: int, position: int, method: str
    ) -> "Subspace":
        """Orthonormalise `vectors` in order (float64 QR), keeping each one's orientation.

        Raises:
            ValueError: If the vectors are linearly dependent to working precision.
        """
        norms = vectors.double().norm(dim=1, keepdim=True)
        if not bool((norms > 0).all()):
            raise ValueError(f"{method!r} at layer {layer} has a vector of norm zero")
        q, r = torch.linalg.qr((vectors.double() / norms).T)
        diagonal = r.diagonal()
        # |r_ii| is the share of unit vector i that is new; float32 inputs carry noise near 1e-7.
        # More vectors than dimensions have fewer r_ii than vectors: QR itself would not complain.
        if len(diagonal) < len(vectors) or not bool((diagonal.abs() > 1e-6).all()):
            raise ValueError(
                f"the {len(vectors)} vectors of {method!r} at layer {layer} are linearly dependent"
            )
        return cls((q * diagonal.sign()).T.float().contiguous(), layer, position, method)

    @classmethod
    def random(cls, rank: int, like: "Subspace", *, seed: int) -> "Subspace":
        """Return the control: a uniformly random subspace of this rank, at the point of `like`.

        The generator is always on the CPU, so a seed means the same subspace on every machine.
        """
        generator = torch.Generator().manual_seed(seed)
        vectors = torch.randn(rank, like.basis.shape[1], generator=generator)
        return cls.spanned_by(
            vectors, layer=like.layer, position=like.position, method=f"random (seed {seed})"
        )

    def leading(self, k: int) -> "Subspace":
        """Return the subspace of the first `k` directions.

        Raises:
            SteeringError: If `k` is not between 1 and the rank.
        """
        require_rank(k, self.rank, (self.position, self.layer), self.method)
        return Subspace(self.basis[:k], self.layer, self.position, self.method)
