"""Exact or fast products on a CPU: what may be taken, what was asked for, and what is taken.

Fast are products in eight bits (`int8_linear`). They may be taken where a measurement of the very
model says that its answers stay what they are, see `adaptation/fast_gate.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import torch

from steering.errors import SteeringError
from steering.models import dtype_speed, int8_linear
from steering.models.chat_model import NumberFormat, Quantization
from steering.models.dtype_speed import Kernel
from steering.models.int8_linear import Parts

SpeedChoice = Literal["auto", "exact", "fast"]
"""What can be asked for; `auto` is fast on a CPU where that is allowed and faster."""


@dataclass(frozen=True)
class Allowed:
    """What the gate of a model says of fast products.

    Attributes:
        parts: Integers that stand for a number of the states; None where they may not be taken.
        sentence: What was measured, or why they may not be taken and what to do.
    """

    parts: Parts | None
    sentence: str


NOT_ASKED: Final = Allowed(None, "nobody asked for them")


def check_asked(speed: str) -> None:
    """Refuse a speed that does not exist.

    Raises:
        SteeringError: Names what is allowed.
    """
    if speed not in get_args(SpeedChoice):
        raise SteeringError(f"unknown speed {speed!r}; allowed: {', '.join(get_args(SpeedChoice))}")


def held_as(number_format: NumberFormat) -> str:
    """Return how weights are held and multiplied, for keys and names of folders."""
    parts = number_format.parts
    return f"fast{parts}" if parts else number_format.quantization


def obstacle(
    allowed: Allowed,
    device: torch.device,
    quantization: Quantization | None,
    dtype: torch.dtype | None,
) -> str | None:
    """Return why fast products cannot be taken, None where they can.

    Args:
        allowed: What the model's gate says.
        device: Where the model will live.
        quantization: What was asked for.
        dtype: What was asked for.
    """
    if device.type != "cpu":
        return f"they are for CPUs, and the model is on {device}"
    if quantization not in (None, "none"):
        return f"the weights are held as {quantization}"
    if dtype not in (None, torch.float32):
        return f"{str(dtype).removeprefix('torch.')} was asked for, and they are of float32"
    if allowed.parts is None:
        return allowed.sentence
    if not int8_linear.runs():
        return "this version of PyTorch does not multiply in eight bits on this CPU"
    return None


def on_cpu(
    folder: Path, speed: SpeedChoice, allowed: Allowed, asked: torch.dtype | None
) -> NumberFormat:
    """Return the number format that is taken where nothing stands in the way of fast products.

    Args:
        folder: Holds the weights.
        speed: What was asked for, `auto` or `fast`.
        allowed: What the gate says, with parts.
        asked: The dtype that was asked for; None leaves it to the machine.
    """
    parts = allowed.parts
    assert parts is not None
    speeds = dtype_speed.measure(folder, [asked] if asked else dtype_speed.CANDIDATES, parts)
    kernel, why = dtype_speed.choose(speeds)
    fast = speeds.get(Kernel(torch.float32, packed=False, parts=parts))
    share = fast.run / speeds[kernel].run if fast else None
    if speed == "auto" and (share is None or share > dtype_speed.ADVANTAGE):
        timed = f"would take {share:.2f} times as long" if share else "could not be timed"
        why = f"{why}; fast products {timed}"
        return NumberFormat("none", kernel.dtype, why, packed=kernel.packed)
    taken = f"they take {share:.2f} times as long here as exact ones; " if share else ""
    reason = f"float32 with fast products in eight bits: {taken}{allowed.sentence}"
    return NumberFormat("none", torch.float32, reason, parts=parts)


def refused(why: str) -> SteeringError:
    """Return the error of fast products that were asked for and cannot be had."""
    return SteeringError(f"fast products cannot be taken: {why}; ask for exact ones, or for auto")
