"""What a reader needs to make the same numbers again."""

import hashlib
import platform
from importlib.metadata import version
from typing import cast

import torch

from steering.artifacts.manifest_document import MachineEntry, ProvenanceEntry, WeightsEntry
from steering.data.splits import SEED
from steering.models.chat_model import ChatModel
from steering.models.own_layout import leading_of


def provenance(model: ChatModel, prompt_source: str) -> ProvenanceEntry:
    """Return weights, number format, rendering, prompts, seed and versions, as JSON types."""
    return {
        "weights": cast(WeightsEntry, dict(model.provenance)),
        "architecture": model.network.config.model_type,
        "dtype": str(model.dtype).removeprefix("torch."),
        "quantization": model.number_format.quantization,
        "suffix": list(model.suffix),
        **model.template.rendering.as_dict(),
        "system": model.template.system,
        "openers": list(model.openers),
        "prompts": prompt_source,
        "seed": SEED,
        **machine(model),
    }


def fingerprint(model: ChatModel) -> str:
    """Return a digest of the weights as they were loaded: a few numbers of every tensor.

    Packed or rounded after that, they have the same: a key that must tell these apart has to name
    the format as well.
    """
    digest = hashlib.sha256()
    for name, shape, few in leading_of(model.network):
        raw = few.to(torch.float64) if few.is_floating_point() else few.to(torch.int64)
        digest.update(f"{name} {shape} {raw.tolist()}".encode())
    return digest.hexdigest()


def unnamed_weights(model: ChatModel) -> dict[str, str]:
    """Return what a key has to hold beside `model.provenance` to name the weights.

    Nothing where a SHA-256 or a commit names them. A folder has a path only, and whoever trains
    writes other weights to the same one: there it is `fingerprint`.
    """
    named = model.provenance.get("sha256") or model.provenance.get("revision")
    return {} if named else {"fingerprint": fingerprint(model)}


def machine(model: ChatModel) -> MachineEntry:
    """Return what affects results bit by bit beside weights and number format, as JSON types."""
    return machine_of(model.device.type)


def machine_of(device: str) -> MachineEntry:
    """Return the same for whatever works on a device, `cpu` or `cuda`."""
    return {
        "device": device,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "scikit-learn", "numpy")},
        },
    }
