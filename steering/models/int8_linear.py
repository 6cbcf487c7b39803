"""Linear layers in eight bits: a quarter of the bytes, and integer products, on the CPU.

States and weights are rounded to integers, so this is not exact; how far it is off is measured
for each model before it may be used (`adaptation/fast_gate.py`). What keeps it close:

- States and weights are turned by the same orthogonal matrix first, a Hadamard matrix for every
  block of columns (QuaRot, Ashkboos et al. 2024, arXiv:2404.00456). The product stays, and the few
  large numbers that would coarsen the scale of all others are spread over their block.
- Every row of states has a scale of its own, and every output of the weights, too. The scale of
  one row never depends on another row: a visitor's text must not depend on its companions.
- States take 127 steps, not 255: on CPUs without VNNI the library adds products in pairs of 16
  bits, which would overflow silently with more.
- With two parts, what rounding left of the states is rounded and multiplied as well.

PyTorch has the operator for its own quantization and does not promise to keep it, so whoever uses
it tries it first: see `runs`.
"""

import math
import warnings
from functools import cache, partial
from typing import Any, Final, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steering.models import own_layout, packed_linear
from steering.models.own_layout import OwnLayout
from steering.models.packed_linear import PackedLinear

Parts = Literal[1, 2]
"""Integers that stand for a number of the states."""

LEAST_WEIGHTS: Final = 1_000_000
"""Weights of a matrix from which integers are faster than packed floats, about: on two AVX2 cores,
five rows, .8 million weights took 1.3 times as long and 4.4 million .4 to .7 times (measured)."""
_BLOCK: Final = 128
"""Columns that are turned together, or the largest power of two below that divides the width."""
_STATE_STEPS: Final = 63
"""Integers on either side of zero for states: 7 bits, see above."""
_WEIGHT_STEPS: Final = 127
_STEP: Final = 1 / _STATE_STEPS
_TOLERANCE: Final = 0.05
"""Largest difference from a plain product in the trial, as a share of the largest (chosen)."""
_ROWS: Final = 16_384
"""Rows of weights that are rounded at a time: a head has ten times as many."""


class Int8Linear(OwnLayout):
    """A linear layer whose weights are eight-bit integers, turned and packed."""

    def __init__(self, linear: nn.Linear, parts: Parts = 1) -> None:
        """Round a layer's weights, which stay as they are in `linear`.

        Args:
            linear: In float32, on the CPU.
            parts: Integers that stand for a number of the states: 2 is closer and slower.
        """
        super().__init__(linear)
        self.parts = parts
        # No buffer: nothing that moves or saves a module could handle the packed form.
        self.packed = _packed(linear.weight.detach())

    @property
    def weight(self) -> Float[Tensor, "out in"]:
        """The rounded weights; a copy."""
        weight, _ = torch.ops.quantized.linear_unpack(self.packed)
        return _turned(weight.dequantize())

    def forward(self, states: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Return `states` times the weights, nearly, plus the bias.

        A row with a number that is not finite gives a row that is not finite.
        """
        rows = _turned(states.reshape(-1, self.in_features))
        scale = rows.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
        rows = rows / scale
        found = _product(rows, self.packed)
        if self.parts == 2:
            rest = (rows - (rows * _STATE_STEPS).round() * _STEP) * (2 * _STATE_STEPS)
            found = found.add_(_product(rest, self.packed), alpha=_STEP / 2)
        found = found.mul_(scale)
        if self.bias is not None:
            found = found.add_(self.bias)
        return found.view(*states.shape[:-1], self.out_features)


@cache
def runs() -> bool:
    """Whether this PyTorch multiplies so on this CPU, and rightly: it is tried."""
    linear = nn.Linear(128, 32, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.linspace(1, -1, 32 * 128).view(32, 128).sin())
        states = torch.linspace(-1, 1, 3 * 128).view(3, 128).cos()
        expected = linear(states)
        try:
            found = Int8Linear(linear)(states)
        except (RuntimeError, AttributeError, NotImplementedError):
            return False
    return bool((found - expected).abs().max() <= _TOLERANCE * expected.abs().max())


def pays(outputs: int, inputs: int) -> bool:
    """Whether a matrix is large enough for integers to be faster than floats."""
    return outputs * inputs >= LEAST_WEIGHTS


def made(linear: nn.Linear, parts: Parts) -> nn.Module:
    """Return what takes the place of a linear layer in a fast model; small ones stay exact."""
    if pays(linear.out_features, linear.in_features):
        return Int8Linear(linear, parts)
    return PackedLinear(linear) if packed_linear.packs(torch.float32) else linear


def quantize(network: nn.Module, parts: Parts) -> None:
    """Replace the large linear layers of a network by some in eight bits, and pack the others.

    Args:
        network: In float32, on the CPU.
        parts: See `Int8Linear`.
    """
    own_layout.replace(network, partial(made, parts=parts))


def _turned(rows: Float[Tensor, "row in"]) -> Float[Tensor, "row in"]:
    """Turn every block of columns; another turn turns them back."""
    block = math.gcd(rows.shape[1], _BLOCK)
    return cast(Tensor, _turn(block)(rows.reshape(-1, block)).view(rows.shape))


@cache
def _turn(block: int) -> nn.Module:
    """Return the product with Sylvester's Hadamard matrix, symmetric and orthogonal."""
    matrix = torch.ones(1, 1)
    while len(matrix) < block:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    linear = nn.Linear(block, block, bias=False).requires_grad_(requires_grad=False)
    linear.weight.copy_(matrix / math.sqrt(block))
    # Packed, a row's last bits, and so how it is rounded, do not hang on the rows beside it.
    return PackedLinear(linear) if packed_linear.packs(torch.float32) else linear


def _packed(weight: Tensor) -> Any:  # noqa: ANN401 - torch has no type for it
    """Return the weights turned, rounded with one scale an output, and packed."""
    integers = torch.empty(weight.shape, dtype=torch.int8)
    scales = torch.empty(len(weight))
    for start in range(0, len(weight), _ROWS):
        some = _turned(weight[start : start + _ROWS].float())
        scale = some.abs().amax(1).div_(_WEIGHT_STEPS).clamp_min_(torch.finfo(torch.float32).tiny)
        scales[start : start + _ROWS] = scale
        integers[start : start + _ROWS] = some.div_(scale[:, None]).round_().to(torch.int8)
    zeros = torch.zeros(len(weight), dtype=torch.long)
    with warnings.catch_warnings():
        # Quantized tensors will go one day, with the operator: then `runs` says so.
        warnings.simplefilter("ignore", UserWarning)
        held = torch._make_per_channel_quantized_tensor(integers, scales.double(), zeros, 0)
        return torch.ops.quantized.linear_prepack(held, None)


def _product(rows: Tensor, packed: Any) -> Tensor:  # noqa: ANN401
    """Multiply rows within -1 and 1, rounded to multiples of the step."""
    return cast(
        Tensor,
        torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            rows, _STEP, _STATE_STEPS + 1, packed
        ),
    )
