"""Which number format a model is held in: what a machine can, what was asked for, and why.

A GPU that multiplies bfloat16 takes it where the weights fit. One that does not (T4, V100) takes
float16, whose largest number is 65,504: whether the residual stream stays below it is for a trial
of the loaded model to say, so the formats are tried in order. A CPU takes what was measured to be
faster, see `dtype_speed`. NF4 with double quantization follows Dettmers et al. 2023
(arXiv:2305.14314), by bitsandbytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from safetensors import safe_open
from transformers import AutoConfig

from steering.checkpoints import model_file
from steering.errors import SteeringError
from steering.models import dtype_speed, fast_products
from steering.models.chat_model import NumberFormat, Quantization
from steering.models.fast_products import Allowed, SpeedChoice

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
"""What can be asked for; `auto` leaves it to the machine."""

MEMORY_HEADROOM: Final = 1.25
"""Weights times this must fit in a GPU's free memory, else fewer bits are taken (chosen)."""
_NF4_BLOCK: Final = 64
"""Weights that share a scale in NF4 (bitsandbytes' block size)."""
_BYTES: Final = {torch.float32: 4, torch.bfloat16: 2, torch.float16: 2}


@dataclass(frozen=True)
class Format:
    """A number format on a device.

    Attributes:
        device: `cpu` or `cuda`.
        quantization: `none`, `nf4` or `int8`.
        dtype: Of the computation, without `torch.`.
    """

    device: str
    quantization: Quantization
    dtype: Dtype

    @property
    def name(self) -> str:
        """How tables name it: `float32`, or `int8, float32 compute`; with the device if a GPU."""
        held = (
            self.dtype
            if self.quantization == "none"
            else f"{self.quantization}, {self.dtype} compute"
        )
        return held if self.device == "cpu" else f"{held}, {self.device}"


def formats(*, cuda: bool) -> tuple[Format, ...]:
    """Return the formats that a machine can be asked for."""
    on_cpu = (
        Format("cpu", "none", "float32"),
        Format("cpu", "none", "bfloat16"),
        Format("cpu", "int8", "float32"),
        Format("cpu", "nf4", "float32"),
    )
    on_gpu = (
        Format("cuda", "none", "float32"),
        Format("cuda", "none", "bfloat16"),
        Format("cuda", "none", "float16"),
        Format("cuda", "int8", "bfloat16"),
        Format("cuda", "nf4", "bfloat16"),
    )
    return on_cpu + (on_gpu if cuda else ())


def check_asked(quantization: str | None, dtype: str | None) -> None:
    """Refuse a quantization or dtype that does not exist, or cannot be had here.

    Raises:
        SteeringError: Names what is allowed, or what to install.
    """
    if quantization is not None and quantization not in get_args(Quantization):
        raise SteeringError(
            f"unknown quantization {quantization!r}; allowed: {', '.join(get_args(Quantization))}"
        )
    if quantization in ("nf4", "int8"):
        require_bitsandbytes()
    if dtype is not None and dtype not in get_args(Dtype):
        raise SteeringError(f"unknown dtype {dtype!r}; allowed: {', '.join(get_args(Dtype))}")


def require_bitsandbytes() -> None:
    """Refuse a quantized model where the package that computes with it is missing.

    Raises:
        SteeringError: Says what to install.
    """
    if find_spec("bitsandbytes") is None:
        raise SteeringError(
            "NF4 and int8 need bitsandbytes, which is not installed; run `pip install "
            "'refusal-steering-playground[quantization]'`, or choose quantization none"
        )


def candidates(
    folder: Path,
    device: torch.device,
    quantization: Quantization | None = None,
    dtype: Dtype | None = None,
    *,
    speed: SpeedChoice = "exact",
    allowed: Allowed = fast_products.NOT_ASKED,
) -> list[NumberFormat]:
    """Return the number formats to try, best first; one alone where nothing is left open.

    Args:
        folder: The model's folder of safetensors.
        device: Where the model will live.
        quantization: What was asked for; None leaves it to the machine.
        dtype: What was asked for; None and `auto` leave it to the machine.
        speed: Whether products may be fast ones.
        allowed: What the model's gate says of fast products.

    Raises:
        SteeringError: If the model's widths do not allow what was asked for, or fast products were
            asked for and cannot be taken.
    """
    asked = None if dtype in (None, "auto") else getattr(torch, str(dtype))
    if speed != "exact":
        obstacle = fast_products.obstacle(allowed, device, quantization, asked)
        if obstacle is None:
            return [fast_products.on_cpu(folder, speed, allowed, asked)]
        if speed == "fast":
            raise fast_products.refused(obstacle)
    if device.type == "cuda":
        return _on_gpu(folder, device, quantization, asked)
    if quantization == "nf4":
        _check_widths(folder)
    return [_on_cpu(folder, quantization, asked)]


def _on_cpu(
    folder: Path, quantization: Quantization | None, asked: torch.dtype | None
) -> NumberFormat:
    kind = quantization or "none"
    if asked is not None:
        found = _as_asked(kind, asked, "CPU", dtype_too=True)
        if kind != "none" or asked not in dtype_speed.CANDIDATES:
            return found
        speeds = dtype_speed.measure(folder, [asked])
        kernel, _ = dtype_speed.choose(speeds)
        said = dtype_speed.said_of_packing(speeds, kernel)
        return replace(found, packed=kernel.packed, reason=f"{found.reason}{said}")
    kernel, reason = dtype_speed.choose(dtype_speed.measure(folder))
    if kind == "none":
        return NumberFormat("none", kernel.dtype, reason, packed=kernel.packed)
    return _as_asked(kind, kernel.dtype, "CPU", dtype_too=False)


def _as_asked(
    kind: Quantization, dtype: torch.dtype, where: str, *, dtype_too: bool
) -> NumberFormat:
    """Return a format of which the quantization was asked for, and perhaps the dtype, too."""
    reason = (
        f"{_held(kind, dtype)} on the {where}, as asked for"
        if dtype_too
        else f"{title(kind)}, as asked for, with {short(dtype)} compute on the {where}"
    )
    return NumberFormat(kind, dtype, reason)


def _on_gpu(
    folder: Path,
    device: torch.device,
    quantization: Quantization | None,
    asked: torch.dtype | None,
) -> list[NumberFormat]:
    dtypes = [asked] if asked else _gpu_dtypes(device)
    if quantization is not None or asked is not None:
        kind, too = quantization or "none", asked is not None
        return [_as_asked(kind, dtype, "GPU", dtype_too=too) for dtype in dtypes]
    free = torch.cuda.mem_get_info(device)[0]
    size = parameters(folder)
    needs = {dtype: MEMORY_HEADROOM * _BYTES[dtype] * size for dtype in dtypes}
    whole = [
        NumberFormat(
            "none",
            dtype,
            f"{short(dtype)}: the weights fit in the GPU's memory{_why_not_bfloat16(dtype)}",
        )
        for dtype in dtypes
        if needs[dtype] <= free
    ]
    # What fits and is passed over nevertheless did not hold: `after` says so.
    large = [
        f": {short(dtype)} would need {need / 1e9:.1f} GB of GPU memory and {free / 1e9:.1f} GB "
        "are free"
        for dtype, need in needs.items()
        if need > free
    ]
    why = large[0] if large else ""
    packed = [NumberFormat("nf4", dtype, f"{_held('nf4', dtype)}{why}") for dtype in dtypes]
    return whole + packed


def _gpu_dtypes(device: torch.device) -> list[torch.dtype]:
    """Return the formats that a GPU computes in at full speed, then float32 as the last resort."""
    with torch.cuda.device(device):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    return [torch.bfloat16] if native else [torch.float16, torch.float32]


def _why_not_bfloat16(dtype: torch.dtype) -> str:
    return "" if dtype == torch.bfloat16 else "; this GPU has no bfloat16 instructions"


def can_overflow(number_format: NumberFormat) -> bool:
    """Whether numbers pass through float16; bitsandbytes' int8 kernels cast activations to it."""
    return number_format.dtype == torch.float16 or number_format.quantization == "int8"


def none_holds(tried: Sequence[tuple[NumberFormat, str]]) -> SteeringError:
    """Return the error where no number format held.

    Args:
        tried: Each format with what was seen in it.
    """
    seen = "; ".join(f"{title_of(each)}: {said}" for each, said in tried)
    return SteeringError(
        f"this model's numbers do not stay finite in what this machine computes in ({seen}); "
        f"choose another device or model, or {wider(tried[-1][0])}"
    )


def wider(number_format: NumberFormat) -> str:
    """Return what to ask for where numbers overflow in a format: one that reaches further."""
    if number_format.quantization == "int8":
        return (
            "--quantization none or nf4 on weights that are not quantized yet, since int8 passes "
            "through float16 whatever it computes in"
        )
    if number_format.dtype == torch.float32:
        return "--dtype bfloat16, which reaches as far"
    return "--dtype float32"


def after(number_format: NumberFormat, tried: Sequence[tuple[NumberFormat, str]]) -> NumberFormat:
    """Return a format with what was tried before it in its reason.

    Args:
        number_format: What is taken now.
        tried: Each format that did not hold with what was seen in it.
    """
    said = "".join(f"; {title_of(each)} was tried, and {said}" for each, said in tried)
    return replace(number_format, reason=f"{number_format.reason}{said}")


def title_of(number_format: NumberFormat) -> str:
    """Return a number format as people say it: `float32`, or `4-bit NF4 with float16 compute`."""
    return _held(number_format.quantization, number_format.dtype)


def _held(quantization: Quantization, dtype: torch.dtype) -> str:
    name = short(dtype)
    return name if quantization == "none" else f"{title(quantization)} with {name} compute"


def title(quantization: Quantization) -> str:
    """Return a way of holding weights as people say it."""
    return {"none": "unquantized", "nf4": "4-bit NF4", "int8": "8-bit int8"}[quantization]


def short(dtype: torch.dtype) -> str:
    """Return a dtype's name without `torch.`."""
    return str(dtype).removeprefix("torch.")


def parameters(folder: Path) -> int:
    """Count the weights, whatever number format the files hold them in."""
    count = 0
    for path in model_file.weights(folder):
        with safe_open(path, "pt") as file:
            count += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return count


def _check_widths(folder: Path) -> None:
    """Refuse what bitsandbytes' NF4 kernel for CPUs cannot multiply: rows of broken blocks."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    for name in ("hidden_size", "intermediate_size"):
        width = int(getattr(config, name, None) or _NF4_BLOCK)
        if width % _NF4_BLOCK:
            raise SteeringError(
                f"{folder.name} has {name} {width}, and NF4 on a CPU needs multiples of "
                f"{_NF4_BLOCK}; choose int8 or none, or a GPU"
            )
