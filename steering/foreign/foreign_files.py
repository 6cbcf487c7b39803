"""Opens files that other programs wrote, without running anything that is in them.

Three containers: torch's .pt by `weights_only`, safetensors, GGUF. Nothing is unpickled: a file
that holds Python objects is refused with the way to save its tensors instead.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from steering.errors import SteeringError

_LFS = b"version https://git-lfs"
_BROKEN_TORCH = (
    *(RuntimeError, ValueError, OSError, EOFError, TypeError),
    *(KeyError, IndexError, AttributeError, AssertionError),
)
"""What torch's reader raises on files that are cut, mixed up or none of its own (tried)."""
_BROKEN_GGUF = (ValueError, IndexError, KeyError, OSError, TypeError, OverflowError, MemoryError)
"""The same for the GGUF reader, which trusts the counts in a file's head."""
_FLOATS = (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16)


@dataclass(frozen=True, eq=False)
class ControlVector:
    """What a GGUF control vector holds.

    Attributes:
        tensors: By their name, `direction.N`.
        hint: The type of model it is for; None where the file does not say.
        description: What its maker wrote; None where there is nothing.
        signed_count: Whether the number of layers is stored as a signed number, as llama.cpp's own
            generator does it, and neither repeng nor this project.
    """

    tensors: Mapping[str, Tensor]
    hint: str | None
    description: str | None
    signed_count: bool


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file, by which its format is known.

    Raises:
        SteeringError: If it cannot be read, or only stands for a file that was not fetched.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise SteeringError(f"{path} cannot be read: {error}; check path and rights") from error
    if start.startswith(_LFS):
        raise SteeringError(
            f"{path} is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"
        )
    return start


def torch_file(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Return what `torch.save` wrote, tensors and plain containers only, on the CPU.

    Raises:
        SteeringError: If it is broken, or holds other Python objects.
    """
    start_of(path)
    try:
        # Without map_location a file that was saved on a GPU opens on machines with one only.
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise SteeringError(
            f"{path} is a pickle of Python objects, which is never opened here, since opening it "
            "would run what is in it; save the tensors themselves, for example with "
            "torch.save(vector.layer_activations, FILE), or {str(layer): tensor} as safetensors"
        ) from error
    except _BROKEN_TORCH as error:
        raise SteeringError(f"{path} is no whole file of torch.save: {_short(error)}") from error


def safetensors_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file by name, and its metadata.

    Raises:
        SteeringError: If it is broken.
    """
    start_of(path)
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise SteeringError(f"{path} is no whole safetensors file: {_short(error)}") from error


def control_vector(path: Path) -> ControlVector:
    """Return what a GGUF control vector holds.

    Raises:
        SteeringError: If it is broken, or is something else, for example a model.
    """
    start_of(path)
    try:
        reader = gguf.GGUFReader(path)
        facts = {
            name: reader.fields[name].contents() if name in reader.fields else None
            for name in (
                *("general.architecture", "general.description"),
                *("controlvector.model_hint", "controlvector.layer_count"),
            )
        }
        count = reader.fields.get("controlvector.layer_count")
        kinds = {tensor.name: tensor.tensor_type for tensor in reader.tensors}
        # Copied, so that the file is not held open.
        tensors = {
            tensor.name: torch.from_numpy(np.array(tensor.data, dtype=np.float32))
            for tensor in reader.tensors
            if tensor.tensor_type in _FLOATS
        }
    except _BROKEN_GGUF as error:
        raise SteeringError(f"{path} is no whole GGUF file: {_short(error)}") from error
    if facts["general.architecture"] != "controlvector":
        raise SteeringError(
            f"{path} holds {facts['general.architecture']!r}, which is no control vector but, most "
            "likely, a model; give a file whose general.architecture is 'controlvector'"
        )
    if other := sorted(kinds.keys() - tensors.keys()):
        raise SteeringError(
            f"{other[0]} in {path} is {kinds[other[0]].name}; a control vector is F32 or F16"
        )
    return ControlVector(
        tensors,
        _text(facts["controlvector.model_hint"]),
        _text(facts["general.description"]),
        count is not None and gguf.GGUFValueType.INT32 in count.types,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _short(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
