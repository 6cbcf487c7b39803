"""Brings a chat model into memory, on a device and in a number format that holds it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BitsAndBytesConfig

from steering.chat_templates.rendering import ASKED
from steering.checkpoints import architecture, prequantized
from steering.checkpoints.load_errors import explained, require_whole
from steering.errors import SteeringError
from steering.models import fast_products, known_inspection, number_formats, packed_linear
from steering.models.chat_model import (
    DEFAULT_OPENERS,
    ChatModel,
    NumberFormat,
    Quantization,
)
from steering.models.fast_products import Allowed, SpeedChoice
from steering.models.inspection import inspect, quantized
from steering.models.known_inspection import Inspected
from steering.models.number_formats import Dtype
from steering.sources import catalog, weights
from steering.system import memory, threads

Trial = Callable[[ChatModel], str | None]
"""Looks at a loaded model and says why its number format does not hold it; None where it does."""
Gatekeeper = Callable[[weights.Weights], Allowed]
"""Says of the weights that were found whether fast products may be taken."""


def load(  # noqa: PLR0913 - what a user may ask of a machine, all of it named
    name: str = catalog.DEFAULT_MODEL,
    *,
    quantization: Quantization | None = None,
    dtype: Dtype | None = None,
    device: str | None = None,
    thinking: str = "auto",
    report: weights.Report | None = None,
    trial: Trial | None = None,
    packed: bool = True,
    speed: SpeedChoice = "exact",
    gate: Gatekeeper | None = None,
) -> ChatModel:
    """Fetch a model if need be, load it, and check that it can be steered.

    Args:
        name: Catalog name, hub id, folder or .gguf file.
        quantization: `none`, `nf4` or `int8`; None chooses by the machine.
        dtype: `auto`, `float32`, `bfloat16` or `float16`; None is `auto`, which chooses by the
            machine.
        device: A torch device; None takes the GPU if there is one.
        thinking: `on`, `off` or `auto`, which is off where the chat template allows it.
        report: Called with the progress of download and conversion.
        trial: Asked of a model that computes in float16 (or in int8, whose kernels go through
            float16): where it finds that numbers overflow, the next number format is tried.
        packed: Whether weights may be packed for the CPU's matrix library, where that is faster.
        speed: Whether products may be fast ones: `exact`, `fast`, or `auto`, which takes what is
            allowed and faster.
        gate: Says whether fast products may be taken; None where nothing is known of them.

    Raises:
        SteeringError: If the weights cannot be had, do not fit, or the model cannot be steered.
    """
    number_formats.check_asked(quantization, dtype)
    fast_products.check_asked(speed)
    if thinking not in ASKED:
        raise SteeringError(f"unknown thinking {thinking!r}; allowed: {', '.join(ASKED)}")
    on = _device(device)
    if on.type == "cpu":
        threads.limit_to_cores()
    found = weights.fetch(name, report=report)
    held = prequantized.settled(found.folder, quantization)
    with explained(found.folder):
        loader = architecture.class_for(found.folder)
        allowed = gate(found) if gate and speed != "exact" else fast_products.NOT_ASKED
        formats = number_formats.candidates(
            found.folder, on, held or quantization, dtype, speed=speed, allowed=allowed
        )
    failed: list[tuple[NumberFormat, str]] = []
    for number_format in formats:
        if not packed:
            number_format = replace(number_format, packed=False)
        if held:
            short = number_formats.short(number_format.dtype)
            number_format = replace(number_format, reason=prequantized.reason(held, short))
        number_format = number_formats.after(number_format, failed)
        model = _loaded(name, found, loader, on, number_format, thinking)
        said = trial(model) if trial and number_formats.can_overflow(number_format) else None
        if said is None:
            return model
        failed.append((number_format, said))
        del model  # The next one needs its memory.
    raise number_formats.none_holds(failed)


def _loaded(
    name: str,
    found: weights.Weights,
    loader: Any,  # noqa: ANN401
    device: torch.device,
    number_format: NumberFormat,
    thinking: str,
) -> ChatModel:
    with explained(found.folder):
        network = _load_network(loader, found.folder, device, number_format)
        if number_format.packed:
            packed_linear.pack(network)
            memory.give_back()
        tokenizer = AutoTokenizer.from_pretrained(found.folder, local_files_only=True)
        tokenizer.encode("Some of its settings are looked at when it is used.")
    entry = catalog.find(name)
    provenance = {"source": found.source, "sha256": found.sha256, "revision": found.revision}
    kept = known_inspection.place(provenance, number_format, device, thinking)
    model = inspect(
        name,
        network,
        tokenizer,
        openers=entry.refusal_openers if entry else DEFAULT_OPENERS,
        number_format=number_format,
        provenance=provenance,
        thinking=thinking,
        known=known_inspection.read(kept),
    )
    known_inspection.keep(kept, Inspected(model.abilities, model.warnings))
    if number_format.parts:
        model = quantized(model, number_format.parts)
    memory.give_back()
    return model


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise SteeringError(f"unknown device {device!r}; allowed: cpu, cuda, cuda:N") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise SteeringError(
            f"device {device!r} was asked for, but torch finds no CUDA GPU; use cpu"
        )
    return found


def _load_network(
    loader: Any,  # noqa: ANN401
    folder: Path,
    device: torch.device,
    number_format: NumberFormat,
) -> Any:  # noqa: ANN401
    quantization, dtype = number_format.quantization, number_format.dtype
    config = None
    held = prequantized.quantization(folder)
    if held or quantization != "none":
        number_formats.require_bitsandbytes()
    if held:
        pass  # config.json says how the weights are to be read
    elif quantization == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    elif quantization == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True)
        # It would say in every product of every pass that activations go through float16.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    try:
        network, report = loader.from_pretrained(
            folder,
            output_loading_info=True,
            dtype=dtype,
            device_map={"": device},
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # `require_whole` names them
            # None would stand for: not quantized, whatever config.json says.
            **({"quantization_config": config} if config else {}),
        )
    except torch.OutOfMemoryError as error:
        raise SteeringError(
            f"the weights in {folder.name} do not fit in the GPU's memory as "
            f"{number_formats.title(quantization)}; choose nf4, a smaller model, or the CPU"
        ) from error
    require_whole(folder, report["missing_keys"], report["mismatched_keys"])
    if held:
        prequantized.compute_in(network, dtype)
    return network
