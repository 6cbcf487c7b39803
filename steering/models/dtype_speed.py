"""How fast this CPU multiplies in float32 and in bfloat16, on matrices of a model's shapes.

Processor flags do not tell it: a CPU without bfloat16 instructions may still write faster in
bfloat16, since it reads half the bytes, and read a request at a third of the speed. What counts is
a visitor's run as a whole.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor

from steering.checkpoints import model_file

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

_ELEMENTS: Final = 12_000_000
"""Weights that are multiplied at most: 48 MB in float32, more than most caches hold (chosen)."""
_ROUNDS: Final = 3

CANDIDATES: Final = (torch.float32, torch.bfloat16)
"""What a CPU chooses among: float16 is slower than both on every CPU that we measured."""


@dataclass(frozen=True)
class Speed:
    """Seconds of one pass through a model's matrices in one number format, extrapolated.

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


def measure(folder: Path) -> dict[torch.dtype, Speed]:
    """Return the speed of each candidate on matrices of the shapes in a folder of safetensors.

    Takes well under a second: each shape is measured once and counts as often as it occurs, and of
    large matrices a part is measured. Formats and rounds are interleaved, the fastest round counts.
    """
    shapes = matrix_shapes(folder)
    if not shapes:
        return {}
    rows_of = _shares(shapes)
    times = {dtype: [[math.inf, math.inf] for _ in shapes] for dtype in CANDIDATES}
    held = {
        dtype: [torch.full((rows, d_in), 0.01, dtype=dtype) for (_, d_in), rows in rows_of.items()]
        for dtype in CANDIDATES
    }
    with torch.inference_mode():
        for _ in range(_ROUNDS):
            for dtype in CANDIDATES:
                for which, rows in enumerate((STEP_ROWS, READ_ROWS)):
                    for index, weight in enumerate(held[dtype]):
                        seconds = _seconds(weight, rows)
                        times[dtype][index][which] = min(times[dtype][index][which], seconds)
    return {
        dtype: Speed(
            *(
                sum(
                    times[dtype][index][which] * count * shape[0] / rows_of[shape]
                    for index, (shape, count) in enumerate(shapes.items())
                )
                for which in range(2)
            )
        )
        for dtype in CANDIDATES
    }


def choose(speeds: Mapping[torch.dtype, Speed]) -> tuple[torch.dtype, str]:
    """Return the number format for a CPU, and one sentence that says what was measured."""
    if not speeds:
        return torch.float32, "float32: this model has no matrices that could be timed"
    exact, short = speeds[torch.float32], speeds[torch.bfloat16]
    dtype = torch.bfloat16 if short.run <= ADVANTAGE * exact.run else torch.float32
    name = str(dtype).removeprefix("torch.")
    return dtype, (
        f"{name}: measured on this CPU, the matrix products of a run take "
        f"{_ratio(short.run, exact.run)} as long in bfloat16 as in float32 "
        f"(writing {_ratio(short.step, exact.step)}, reading {_ratio(short.read, exact.read)})"
    )


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
    """Return how many output rows of each shape are measured, alike in share, within the budget."""
    total = sum(outputs * inputs for outputs, inputs in shapes)
    share = min(1.0, _ELEMENTS / total)
    return {
        (outputs, inputs): max(1, min(outputs, round(outputs * share)))
        for outputs, inputs in shapes
    }


def _seconds(weight: Tensor, rows: int) -> float:
    states = torch.full((rows, weight.shape[1]), 0.5, dtype=weight.dtype)
    began = time.perf_counter()
    torch.nn.functional.linear(states, weight)
    return time.perf_counter() - began
