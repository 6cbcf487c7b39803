"""Linear layers in eight bits: a quarter of the bytes, and integer products, on the CPU.

States and weights are rounded to integers, so this is not exact; how far it is off is measured
for each model before it may be used (`adaptation/fast_gate.py`). What keeps it close:

- States and weights are turned by the same orthogonal matrix first, a Hadamard matrix for every
  block of columns (QuaRot, Ashkboos et al. 2024, arXiv:2404.00456). The product stays, and the few
  large numbers that would coarsen the scale of all others are spread over their block.
- Every row of states has a scale of its own, and every output of the weights, too. The scale of
  one row never depends on another row: a visitor's text must not depend on its companions.
- States and weights take 90 steps on either side of zero, not 127: on CPUs without VNNI the library
  adds products in pairs of 16 bits, which would overflow silently with more. Both the same, since
  both err alike then; 63 and 127 left 1.3 times the divergence (see docs/performance.md).
- With two parts, what rounding left of the states is rounded and multiplied as well.
- The logits of the likeliest tokens are computed again from the weights as they were: choosing
  between two likely tokens is where a small error changes a text.

PyTorch has the operator for its own quantization and does not promise to keep it, so whoever uses
it tries it first: see `runs`.
"""

import math
import warnings
from functools import cache
from typing import Any, Final, Literal, cast

import torch
from jaxtyping import Float, Int
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
_STATE_STEPS: Final = 90
_WEIGHT_STEPS: Final = 90
"""Integers on either side of zero: two products of 181 and 90 fit in 16 bits, see above."""
_LIKELIEST: Final = 32
"""Logits of a row that are computed again (chosen: the rest hold little of the probability)."""
_CHUNK: Final = 64
"""Logits among which the largest is found first, or the largest power of two that fits."""
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


class Int8Head(Int8Linear):
    """The layer that gives the logits: those of the likeliest tokens are exact, but for summation.

    It keeps the weights as they were for that, too, as bfloat16 where that is the same numbers.
    """

    def __init__(self, linear: nn.Linear) -> None:
        """Round a head's weights, and keep them."""
        super().__init__(linear)
        weight = linear.weight.detach()
        half = weight.bfloat16()
        # No buffer, so that a model is saved with the weights that it has, not with a second copy.
        self._exact = half if torch.equal(half.float(), weight) else weight.clone()

    def forward(self, states: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Return logits, nearly; those of a row that are largest by that are computed again."""
        found = super().forward(states)
        rows, logits = states.reshape(-1, self.in_features), found.view(-1, self.out_features)
        tokens = _largest(logits, min(_LIKELIEST, self.out_features))
        # A matrix product would sum a row in another order where it stands alone.
        again = (self._exact[tokens].float() * rows[:, None]).sum(2)
        if self.bias is not None:
            again += self.bias[tokens]
        logits.scatter_(1, tokens, again)
        return found


def _largest(logits: Float[Tensor, "row vocab"], n: int) -> Int[Tensor, "row n"]:
    """Return where the n largest logits of every row are, by way of the chunks that hold them."""
    chunk = math.gcd(logits.shape[1], _CHUNK)
    chunks = logits.view(len(logits), logits.shape[1] // chunk, chunk)
    if chunks.shape[1] < n:
        return logits.topk(n, 1).indices
    best = chunks.amax(2).topk(n, 1).indices
    places = (best[:, :, None] * chunk + torch.arange(chunk)).flatten(1)
    return places.gather(1, logits.gather(1, places).topk(n, 1).indices)


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


def quantize(network: nn.Module, parts: Parts, head: nn.Module | None = None) -> None:
    """Replace the large linear layers of a network by some in eight bits, and pack the others.

    Args:
        network: In float32, on the CPU.
        parts: See `Int8Linear`.
        head: Which of them gives the logits: see `Int8Head`.
    """

    def made_here(linear: nn.Linear) -> nn.Module:
        is_large_head = linear is head and pays(linear.out_features, linear.in_features)
        return Int8Head(linear) if is_large_head else made(linear, parts)

    own_layout.replace(network, made_here)


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
