"""How fast this CPU multiplies in float32 and in bfloat16, on matrices of a model's shapes.

Processor flags do not tell it: a CPU without bfloat16 instructions may still write faster in
bfloat16, since it reads half the bytes, and read a request at a third of the speed. Nor do they
tell whether weights are better packed for the matrix library (`packed_linear`). What counts is a
visitor's run as a whole.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

import torch
from safetensors import safe_open
from torch import nn

from steering.checkpoints import model_file
from steering.models import int8_linear, packed_linear
from steering.models.int8_linear import Parts
from steering.models.own_layout import OwnLayout

TIMED_STEPS: Final = 48
"""Decoding steps of the run that is judged by: the length at which the app starts."""
STEP_ROWS: Final = 5
"""Rows of a step: the baseline and the four panels that the app starts with."""
READ_ROWS: Final = 32
"""Rows of the product that stands for reading; from there on time grows with them (measured)."""
TOKENS_READ: Final = 2 * 5 * 40
"""Tokens that a run reads: 40 under five panels, once to answer and once on the map."""
ADVANTAGE: Final = 0.9
"""bfloat16 is taken at this share of float32's time or below (chosen: float32 rounds less)."""

_ELEMENTS: Final = 4_500_000
"""Weights of a shape that are multiplied at most: 18 MB in float32, so that a pass through all
shapes finds nothing in a cache, as in a model (chosen). Smaller parts stay there, which flatters
what reads most: packed weights were at .78 to .97 of unpacked ones where a whole run takes .45, and
fast products once at 1.0 of exact ones where it takes .6."""
_ROUNDS: Final = 5
_CLEARLY_SLOWER: Final = 1.25
"""Weights are not packed from this share of the time of unpacked ones on (chosen): beside other
programs a clock sees the scheduler, too. On two AVX2 cores that tests kept busy three measurements
gave .49 to .54, where whole runs take .45."""

LEAST_WEIGHTS: Final = 1_000_000
"""Smaller models are as fast either way, and what a clock says of them is noise (chosen)."""


class Kernel(NamedTuple):
    """A way to multiply.

    Attributes:
        dtype: Number format of weights and states.
        packed: Whether weights lie as the matrix library reads them.
        parts: Of fast products, see `int8_linear`; 0 stands for exact ones.
    """

    dtype: torch.dtype
    packed: bool
    parts: int = 0


CANDIDATES: Final = (torch.float32, torch.bfloat16)
"""What a CPU chooses among: float16 is slower than both on every CPU that we measured."""


@dataclass(frozen=True)
class Speed:
    """Seconds of one pass through a model's matrices by one kernel, extrapolated.

    Attributes:
        step: For one decoding step of `STEP_ROWS` rows.
        read: For `READ_ROWS` tokens of requests.
    """

    step: float
    read: float

    @property
    def run(self) -> float:
        """Seconds of a visitor's run: reading, then `TIMED_STEPS` steps."""
        return TIMED_STEPS * self.step + TOKENS_READ / READ_ROWS * self.read


def measure(
    folder: Path, dtypes: Sequence[torch.dtype] = CANDIDATES, parts: Parts | None = None
) -> dict[Kernel, Speed]:
    """Return the speed of each kernel on matrices of the shapes in a folder of safetensors.

    Takes about a second: each shape is measured once and counts as often as it occurs, and of
    large matrices a part is measured. Kernels and rounds are interleaved, the fastest round counts.

    Args:
        folder: Holds the weights.
        dtypes: Of exact products.
        parts: Of fast products; None measures none.
    """
    shapes = matrix_shapes(folder)
    if not shapes:
        return {}
    large = sum(rows * d_in * count for (rows, d_in), count in shapes.items()) >= LEAST_WEIGHTS
    kernels = [
        Kernel(dtype, packed)
        for dtype in dtypes
        for packed in (False, True)
        if not packed or (large and packed_linear.packs(dtype))
    ]
    if parts and large:
        kernels.append(Kernel(torch.float32, packed=False, parts=parts))
    rows_of = _shares(shapes)
    times = {kernel: [[math.inf, math.inf] for _ in shapes] for kernel in kernels}
    held = {
        kernel: [_layer(kernel, shape, rows) for shape, rows in rows_of.items()]
        for kernel in kernels
    }
    with torch.inference_mode():
        for _ in range(_ROUNDS):
            for kernel in kernels:
                for which, rows in enumerate((STEP_ROWS, READ_ROWS)):
                    for index, layer in enumerate(held[kernel]):
                        seconds = _seconds(layer, rows, kernel.dtype)
                        times[kernel][index][which] = min(times[kernel][index][which], seconds)
    return {
        kernel: Speed(
            *(
                sum(
                    times[kernel][index][which] * count * shape[0] / rows_of[shape]
                    for index, (shape, count) in enumerate(shapes.items())
                )
                for which in range(2)
            )
        )
        for kernel in kernels
    }


def choose(speeds: Mapping[Kernel, Speed]) -> tuple[Kernel, str]:
    """Return the exact kernel for a CPU, and one sentence that says what was measured."""
    speeds = {kernel: speed for kernel, speed in speeds.items() if not kernel.parts}
    if not speeds:
        return Kernel(torch.float32, packed=False), (
            "float32: this model has no matrices that could be timed"
        )
    best = {dtype: _better(speeds, dtype) for dtype in {kernel.dtype for kernel in speeds}}
    if len(best) == 1:
        (kernel,) = best.values()
        return kernel, f"{_short(kernel.dtype)}{said_of_packing(speeds, kernel)}"
    exact, short = (speeds[best[dtype]] for dtype in CANDIDATES)
    dtype = torch.bfloat16 if short.run <= ADVANTAGE * exact.run else torch.float32
    return best[dtype], (
        f"{_short(dtype)}: measured on this CPU, the matrix products of a run take "
        f"{_ratio(short.run, exact.run)} as long in bfloat16 as in float32 "
        f"(writing {_ratio(short.step, exact.step)}, reading {_ratio(short.read, exact.read)})"
        f"{said_of_packing(speeds, best[dtype])}"
    )


def said_of_packing(speeds: Mapping[Kernel, Speed], kernel: Kernel) -> str:
    """Return what a reason says of packed weights; nothing where they are not packed."""
    if not kernel.packed:
        return ""
    plain = speeds[Kernel(kernel.dtype, packed=False)]
    timed = (
        f"measured at {speeds[kernel].run / max(plain.run, 1e-12):.2f} of the time of unpacked ones"
    )
    return f"; weights are packed for its matrix library, {timed}"


def _better(speeds: Mapping[Kernel, Speed], dtype: torch.dtype) -> Kernel:
    plain, packed = Kernel(dtype, packed=False), Kernel(dtype, packed=True)
    # Unlike fewer bits it costs nothing, so it is taken wherever it is not clearly slower.
    taken = packed in speeds and speeds[packed].run <= _CLEARLY_SLOWER * speeds[plain].run
    return packed if taken else plain


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _ratio(one: float, other: float) -> str:
    return f"{one / max(other, 1e-12):.2f} times"


def matrix_shapes(folder: Path) -> Counter[tuple[int, int]]:
    """Count the shapes (outputs, inputs) of the matrices that a step multiplies with.

    The embedding is looked up, not multiplied; where it is the head as well, it counts once.
    """
    shapes: Counter[tuple[int, int]] = Counter()
    tables: list[tuple[int, int]] = []
    for path in model_file.weights(folder):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                shape = tuple(file.get_slice(name).get_shape())
                if len(shape) != 2 or min(shape) < 2:
                    continue
                if "embed" in name or "lm_head" in name:
                    tables.append((shape[0], shape[1]))
                else:
                    shapes[shape[0], shape[1]] += 1
    if tables:
        shapes[max(tables)] += 1
    return shapes


def _shares(shapes: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Return how many output rows of each shape are measured: all, or what the budget allows."""
    return {
        (outputs, inputs): max(1, min(outputs, _ELEMENTS // inputs)) for outputs, inputs in shapes
    }


def _layer(kernel: Kernel, shape: tuple[int, int], rows: int) -> nn.Linear | OwnLayout:
    """Return a layer of the first outputs of a shape, as a model would hold the whole."""
    outputs, inputs = shape
    layer = nn.Linear(inputs, rows, bias=False, dtype=kernel.dtype)
    nn.init.constant_(layer.weight, 0.01)
    if kernel.parts and int8_linear.pays(outputs, inputs):
        return int8_linear.Int8Linear(layer, cast(Parts, kernel.parts))
    if kernel.packed or (kernel.parts and packed_linear.packs(kernel.dtype)):
        return packed_linear.PackedLinear(layer)
    return layer


def _seconds(layer: nn.Linear | OwnLayout, rows: int, dtype: torch.dtype) -> float:
    states = torch.full((rows, layer.in_features), 0.5, dtype=dtype)
    began = time.perf_counter()
    layer(states)
    return time.perf_counter() - began
