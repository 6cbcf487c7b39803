"""Linear layers whose weights lie as the CPU's matrix library (oneDNN) reads them.

The library brings a matrix into its own layout before each product. Done once at load, a step of
a few rows takes less than half the time on CPUs that we measured (`docs/performance.md`), and a
row's numbers no longer depend on how many rows share the product. The products are the same, in
another order of summation: it is lossless but for rounding.

PyTorch has these operators for its own compiler and does not promise to keep them, so whoever
packs tries them first: see `packs`.
"""

from functools import cache
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steering.models import own_layout
from steering.models.own_layout import OwnLayout

_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest difference from a plain product in the trial, of numbers about 1 in size (chosen)."""
_ROWS = 5
"""Rows that the layout is asked for: the baseline and the four panels that the app starts with."""


class PackedLinear(OwnLayout):
    """A linear layer that has its weights in oneDNN's layout, and nowhere else."""

    def __init__(self, linear: nn.Linear) -> None:
        """Take over a layer's weights, which stay as they are in `linear`.

        Args:
            linear: In float32 or bfloat16, on the CPU.
        """
        super().__init__(linear)
        # No buffer: nothing that moves or saves a module could handle this layout.
        self.packed = _packed(linear.weight.detach())

    @property
    def weight(self) -> Float[Tensor, "out in"]:
        """The weights as the plain layer had them; a copy."""
        return self.packed.to_dense()

    def forward(self, states: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Return `states` times the weights, plus the bias."""
        return _product(states, self.packed, self.bias)


@cache
def packs(dtype: torch.dtype) -> bool:
    """Whether this PyTorch can multiply packed weights of a dtype here: it is tried."""
    if dtype not in _TOLERANCE:
        return False
    states = torch.linspace(-1, 1, 3 * 64).view(3, 64).to(dtype)
    weight = torch.linspace(1, -1, 32 * 64).view(32, 64).to(dtype)
    try:
        found = _product(states, _packed(weight), None)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    expected = nn.functional.linear(states.double(), weight.double())
    difference = (found.double() - expected).abs().max() / expected.abs().max()
    return bool(difference <= _TOLERANCE[dtype])


def pack(network: nn.Module) -> None:
    """Replace every plain linear layer of a network by a packed one; see `own_layout.replace`."""
    own_layout.replace(network, PackedLinear)


def _packed(weight: Tensor) -> Tensor:
    return cast(Tensor, _operators()._reorder_linear_weight(weight.contiguous(), _ROWS))


def _product(states: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    return cast(Tensor, _operators()._linear_pointwise(states, packed, bias, "none", [], ""))


def _operators() -> Any:  # noqa: ANN401 - torch has no types for its operators
    return torch.ops.mkldnn
