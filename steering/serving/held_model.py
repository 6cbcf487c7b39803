"""Which model a replica has to hold, so that it writes what the page's own model would write."""

import json
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from steering.errors import SteeringError

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel, Quantization
    from steering.models.fast_products import SpeedChoice
    from steering.models.number_formats import Dtype


@dataclass(frozen=True)
class HeldModel:
    """A model as it is held: its weights and how they are multiplied.

    The chat template and its mode are not in it: rows travel as token ids.

    Attributes:
        name: Catalog name, hub id, folder or .gguf file.
        quantization: `none`, `nf4` or `int8`.
        dtype: Of the computation, without `torch.`.
        parts: Integers that stand for a number of the states in fast products; 0 is exact.
        weights: SHA-256, revision or fingerprint of the weights.
        packed: Whether the weights are packed for the CPU's matrix library, which may change last
            bits. Nobody is refused for it: it is timed at every load.
    """

    name: str
    quantization: str
    dtype: str
    parts: int
    weights: str
    packed: bool = field(default=False, compare=False)

    @property
    def key(self) -> str:
        """All of it as one text."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def speed(self) -> "SpeedChoice":
        """What is asked for when it is loaded."""
        return "fast" if self.parts else "exact"


def of_key(key: str) -> HeldModel:
    """Return what a key says."""
    return HeldModel(**json.loads(key))


def of_model(model: "ChatModel") -> HeldModel:
    """Return how a loaded model is held."""
    from steering.artifacts.provenance import unnamed_weights
    from steering.models.number_formats import short

    known, path = model.number_format, Path(model.name)
    named = model.provenance.get("sha256") or model.provenance.get("revision")
    return HeldModel(
        str(path.resolve()) if path.exists() else model.name,  # a replica works elsewhere
        known.quantization,
        short(known.dtype),
        known.parts,
        named or unnamed_weights(model)["fingerprint"],
        known.packed,
    )


def load(held: HeldModel, device: str | None = None) -> "ChatModel":
    """Load a model as somebody else holds it.

    Args:
        held: What it has to be.
        device: A torch device; None takes the GPU if there is one.

    Raises:
        SteeringError: If it cannot be loaded, or would not be held in the same way here.
    """
    from steering.adaptation import fast_gate
    from steering.models import loading

    found = loading.load(
        held.name,
        quantization=cast("Quantization", held.quantization),
        dtype=cast("Dtype", held.dtype),
        device=device,
        packed=held.packed,
        speed=held.speed,
        gate=partial(fast_gate.allowed, held.name),
    )
    here = of_model(found)
    if here != held:
        raise SteeringError(
            f"a replica holds {here.key} where the page holds {held.key}; give all machines the "
            "same weights and the same kind of processor"
        )
    return found
