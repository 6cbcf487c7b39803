"""Linear layers whose weights lie as the CPU's matrix library (oneDNN) reads them.

The library brings a matrix into its own layout before each product. Done once at load, a step of
a few rows takes less than half the time on CPUs that we measured (`docs/performance.md`), and a
row's numbers no longer depend on how many rows share the product. The products are the same, in
another order of summation: it is lossless but for rounding.

PyTorch has these operators for its own compiler and does not promise to keep them, so whoever
packs tries them first: see `packs`.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest difference from a plain product in the trial, of numbers about 1 in size (chosen)."""
_ROWS = 5
"""Rows that the layout is asked for: the baseline and the four panels that the app starts with."""


class PackedLinear(nn.Module):
    """A linear layer that has its weights in oneDNN's layout, and nowhere else."""

    def __init__(self, linear: nn.Linear) -> None:
        """Take over a layer's weights, which stay as they are in `linear`.

        Args:
            linear: In float32 or bfloat16, on the CPU.
        """
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
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
    """Replace every plain linear layer of a network by a packed one.

    Each layer's own copy is let go as soon as it is packed, so that the peak is one matrix above
    what the network needs. A head that shares the embedding's table gets a copy.
    """
    found = [
        (name, module) for name, module in network.named_modules() if type(module) is nn.Linear
    ]
    while found:
        name, linear = found.pop()
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, PackedLinear(linear))


def weights_of(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield every weight of a network with its name, in the order and form of a plain network's.

    Packed ones are unpacked one at a time: all of them would be as large as the model.
    """
    if not any(isinstance(module, PackedLinear) for module in network.modules()):
        yield from network.state_dict().items()
        return
    for name, module in network.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(module, PackedLinear):
            yield f"{prefix}weight", module.weight
        own = module.named_parameters(recurse=False, remove_duplicate=False)
        yield from ((f"{prefix}{each}", values) for each, values in own)
        for each, buffer in module.named_buffers(recurse=False, remove_duplicate=False):
            if each not in module._non_persistent_buffers_set:
                yield f"{prefix}{each}", buffer


def _packed(weight: Tensor) -> Tensor:
    return cast(Tensor, _operators()._reorder_linear_weight(weight.contiguous(), _ROWS))


def _product(states: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    return cast(Tensor, _operators()._linear_pointwise(states, packed, bias, "none", [], ""))


def _operators() -> Any:  # noqa: ANN401 - torch has no types for its operators
    return torch.ops.mkldnn
