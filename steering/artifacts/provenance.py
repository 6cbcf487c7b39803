"""What a reader needs to make the same numbers again."""

import platform
from importlib.metadata import version
from typing import Any

import torch

from steering.data.splits import SEED
from steering.models.chat_model import ChatModel


def provenance(model: ChatModel, prompt_source: str) -> dict[str, Any]:
    """Return weights, number format, rendering, prompts, seed and versions, as JSON types."""
    return {
        "weights": dict(model.provenance),
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


def machine(model: ChatModel) -> dict[str, Any]:
    """Return what the last bits hang on beside weights and number format, as JSON types."""
    return {
        "device": model.device.type,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "scikit-learn", "numpy")},
        },
    }
