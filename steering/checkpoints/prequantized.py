"""How the weights of a checkpoint are quantized already, by its config.json and its tensors.

What bitsandbytes has written in NF4 or int8 is loaded as what it is. Every other way needs another
library for its kernels, or would be read wrongly in silence, and is refused by its name.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from steering.checkpoints import model_file
from steering.errors import SteeringError

Held = Literal["nf4", "int8"]

_TITLES = {"nf4": "4-bit NF4", "int8": "8-bit int8"}
_KEYS = ("quantization_config", "compression_config", "quantization")
"""Of config.json: today's, that of compressed-tensors before 0.6, and that of MLX."""

_FILES: Mapping[str, str] = {
    "quantize_config.json": "gptq",
    "quant_config.json": "awq",
    "hf_quant_config.json": "modelopt",
}
"""Files that said it before config.json did: each method's own."""

_MARKS = (
    ".SCB",
    ".qweight",
    ".qzeros",
    ".weight_packed",
    ".weight_scale",
    ".weight_scale_inv",
    "_proj_blocks",
)
"""Endings of tensors that only quantized weights have."""


def quantization(folder: Path) -> Held | None:
    """Return how bitsandbytes has quantized the weights in the folder; None if they are whole.

    Raises:
        SteeringError: If they are quantized in another way.
    """
    return _declared(folder, model_file.json_object(folder / "config.json"))


def check(folder: Path, config: Mapping[str, Any], tensors: Iterable[str]) -> None:
    """Refuse weights that are quantized in a way that cannot be loaded, or that is not declared.

    Args:
        folder: Where they are.
        config: Its config.json.
        tensors: Names of all tensors.

    Raises:
        SteeringError: Names the way, or the tensor that shows it.
    """
    if _declared(folder, config) is not None:
        return
    marked = (name for name in tensors if name.endswith(_MARKS) or ".quant_state." in name)
    if mark := next(marked, None):
        raise SteeringError(
            f"the weights in {folder} are quantized already (they hold {mark}), but config.json "
            f"does not say how; {_REMEDY}"
        )


def settled(folder: Path, asked: str | None) -> Held | None:
    """Return how the weights are quantized already, if that is what was asked for.

    Args:
        folder: A checkpoint.
        asked: `none`, `nf4` or `int8`; None where nobody asked.

    Raises:
        SteeringError: If something else was asked for, or the weights are quantized in a way that
            cannot be loaded.
    """
    held = quantization(folder)
    if held and asked not in (None, held):
        raise SteeringError(
            f"the weights in {folder.name} are {_TITLES[held]} already (bitsandbytes), and the "
            f"quantization {asked} was asked for; choose {held} or leave the choice out, or give "
            "the model's unquantized weights"
        )
    return held


def reason(held: Held, dtype: str) -> str:
    """Say for the visitor in which number format such a checkpoint runs, and why."""
    return f"{_TITLES[held]} with {dtype} compute: the checkpoint is quantized so already"


def compute_in(network: Any, dtype: Any) -> None:  # noqa: ANN401 - torch stays out of here
    """Let a quantized network compute in `dtype` instead of what its checkpoint was written in.

    Transformers leaves a checkpoint that is quantized already in its own number format, whatever
    is asked for. Parameters that it keeps in float32 in every model stay so.

    Args:
        network: The network that was loaded.
        dtype: torch's number format of the residual stream.
    """
    written = network.dtype
    for module in network.modules():
        if hasattr(module, "compute_dtype"):  # bitsandbytes' Linear4bit
            module.compute_dtype = dtype
        for parameter in module.parameters(recurse=False):
            if (state := getattr(parameter, "quant_state", None)) is not None:
                state.dtype = dtype  # what it is unpacked to
            elif parameter.dtype == written:
                parameter.data = parameter.data.to(dtype)


_REMEDY = (
    "give the model's unquantized weights, and choose the quantization nf4 or int8 where memory is "
    "short"
)


def _declared(folder: Path, config: Mapping[str, Any]) -> Held | None:
    inner = config.get("text_config")
    for section in (config, inner if isinstance(inner, dict) else {}):
        for key in _KEYS:
            if isinstance(found := section.get(key), dict):
                return _bitsandbytes(folder, found)
    for name, method in _FILES.items():
        if (folder / name).exists():
            raise _refused(folder, f"{method}, by {name}")
    return None


def _bitsandbytes(folder: Path, settings: Mapping[str, Any]) -> Held:
    method = str(settings.get("quant_method") or "")
    if method in ("", "bitsandbytes"):
        four, eight = (
            bool(settings.get(f"load_in_{bits}") or settings.get(f"_load_in_{bits}"))
            for bits in ("4bit", "8bit")
        )
        kind = settings.get("bnb_4bit_quant_type", "fp4")  # the library's own default
        if eight:
            return "int8"
        if four and kind == "nf4":
            return "nf4"
        if four:
            method = f"bitsandbytes {kind}"
        elif "bits" in settings:
            method = f"MLX, {settings['bits']} bits"
    raise _refused(folder, method or "by an unnamed method")


def _refused(folder: Path, method: str) -> SteeringError:
    return SteeringError(
        f"the weights in {folder} are quantized already ({method}), which cannot be loaded here; "
        f"allowed are whole weights, and NF4 or int8 of bitsandbytes: {_REMEDY}"
    )
