"""Brings a chat model into memory: which device, which number format, and why.

NF4 with double quantization follows Dettmers et al. 2023 (arXiv:2305.14314), by bitsandbytes.
"""

import math
import platform
import subprocess
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from steering import catalog, weights
from steering.errors import SteeringError
from steering.model import DEFAULT_OPENERS, ChatModel, NumberFormat, Quantization, inspect
from steering.rendering import ASKED

_MEMORY_HEADROOM = 1.25
"""Weights in bfloat16 times this must fit in a GPU's free memory, else NF4 is taken (chosen)."""

_NF4_BLOCK = 64
"""Weights that share a scale in NF4 (bitsandbytes' block size)."""


def load(
    name: str = catalog.DEFAULT_MODEL,
    *,
    quantization: Quantization | None = None,
    device: str | None = None,
    thinking: str = "auto",
    report: weights.Report | None = None,
) -> ChatModel:
    """Fetch a model if need be, load it, and check that it can be steered.

    Args:
        name: Catalog name, hub id, folder or .gguf file.
        quantization: `none`, `nf4` or `int8`; None chooses by the machine.
        device: A torch device; None takes the GPU if there is one.
        thinking: `on`, `off` or `auto`, which is off where the chat template allows it.
        report: Called with the progress of download and conversion.

    Raises:
        SteeringError: If the weights cannot be had, do not fit, or the model cannot be steered.
    """
    if quantization is not None and quantization not in get_args(Quantization):
        raise SteeringError(
            f"unknown quantization {quantization!r}; allowed: {', '.join(get_args(Quantization))}"
        )
    place = _device(device)
    if thinking not in ASKED:
        raise SteeringError(f"unknown thinking {thinking!r}; allowed: {', '.join(ASKED)}")
    found = weights.fetch(name, report=report)
    number_format = _number_format(found.folder, place, quantization)
    network = _load_network(found.folder, place, number_format)
    tokenizer = AutoTokenizer.from_pretrained(found.folder, local_files_only=True)
    entry = catalog.find(name)
    provenance = {"source": found.source, "sha256": found.sha256, "revision": found.revision}
    return inspect(
        name,
        network,
        tokenizer,
        openers=entry.refusal_openers if entry else DEFAULT_OPENERS,
        number_format=number_format,
        provenance=provenance,
        thinking=thinking,
    )


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise SteeringError(f"unknown device {device!r}; allowed: cpu, cuda, cuda:N") from error
    if place.type == "cuda" and not torch.cuda.is_available():
        raise SteeringError(
            f"device {device!r} was asked for, but torch finds no CUDA GPU; use cpu"
        )
    return place


def _number_format(folder: Path, device: torch.device, asked: Quantization | None) -> NumberFormat:
    if device.type == "cuda":
        if asked is not None:
            return NumberFormat(asked, torch.bfloat16, f"{_title(asked)} on the GPU, as asked for")
        need = _MEMORY_HEADROOM * 2 * _parameters(folder)
        free = torch.cuda.mem_get_info(device)[0]
        if need <= free:
            return NumberFormat(
                "none", torch.bfloat16, "bfloat16: the weights fit in the GPU's memory"
            )
        return NumberFormat(
            "nf4",
            torch.bfloat16,
            f"4-bit NF4 with bfloat16 compute: bfloat16 would need {need / 1e9:.1f} GB of GPU "
            f"memory and {free / 1e9:.1f} GB are free",
        )
    dtype = torch.bfloat16 if _cpu_computes_bfloat16() else torch.float32
    short = str(dtype).removeprefix("torch.")
    if asked == "nf4":
        _check_widths(folder)
    if asked in ("nf4", "int8"):
        reason = f"{_title(asked)} with {short} compute on the CPU, as asked for"
        return NumberFormat(asked, dtype, reason)
    has = "has" if dtype == torch.bfloat16 else "is not known to have"
    return NumberFormat("none", dtype, f"{short}: this CPU {has} bfloat16 instructions")


def _parameters(folder: Path) -> int:
    """Count the weights, whatever number format the files hold them in."""
    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            count += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return count


def _check_widths(folder: Path) -> None:
    """Refuse what bitsandbytes' NF4 kernel for CPUs cannot multiply: rows of broken blocks."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    for name in ("hidden_size", "intermediate_size"):
        width = int(getattr(config, name))
        if width % _NF4_BLOCK:
            raise SteeringError(
                f"{folder.name} has {name} {width}, and NF4 on a CPU needs multiples of "
                f"{_NF4_BLOCK}; choose int8 or none, or a GPU"
            )


def _title(quantization: Quantization) -> str:
    return {"none": "bfloat16", "nf4": "4-bit NF4", "int8": "8-bit int8"}[quantization]


def _cpu_computes_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 natively (elsewhere it is slower than float32)."""
    wanted = {"avx512_bf16", "amx_bf16", "bf16"}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        return bool(wanted & set(cpuinfo.read_text(errors="replace").split()))
    if platform.system() != "Darwin":
        return False
    asked = ["sysctl", "-n", "hw.optional.arm.FEAT_BF16"]  # the first Apple chips lack it
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "1"


def _load_network(folder: Path, device: torch.device, number_format: NumberFormat) -> Any:  # noqa: ANN401
    quantization, dtype = number_format.quantization, number_format.dtype
    config = None
    if quantization == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    elif quantization == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True)
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map={"": device},
            quantization_config=config,
            local_files_only=True,
            use_safetensors=True,
        )
    except torch.OutOfMemoryError as error:
        raise SteeringError(
            f"the weights in {folder.name} do not fit in the GPU's memory as "
            f"{_title(quantization)}; choose nf4, a smaller model, or the CPU"
        ) from error
