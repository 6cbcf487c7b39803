"""What was found out about a model at an earlier load, so that the next one need not try it again.

Trying takes a dozen passes, 7 s of a start of 25 on two AVX2 cores. It is kept for weights that a
SHA-256 or a commit names, in one number format, with the libraries that ran it.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch

from steering.errors import SteeringError
from steering.models.capabilities import Abilities
from steering.models.chat_model import NumberFormat
from steering.sources.weights import cache_folder
from steering.system import whole_files

_TRIALS: Final = 1
"""Raised whenever something else is tried, or something is tried otherwise."""


@dataclass(frozen=True)
class Inspected:
    """What trying gave.

    Attributes:
        abilities: What may be done with the model.
        warnings: What its users should know.
    """

    abilities: Abilities
    warnings: tuple[str, ...]


def place(
    provenance: Mapping[str, str | None],
    number_format: NumberFormat,
    device: torch.device,
    thinking: str,
) -> Path | None:
    """Return where the findings are kept; None for weights that may change under their name.

    Args:
        provenance: Source, SHA-256 and revision of the weights.
        number_format: How they are held.
        device: Where they are.
        thinking: As it was asked for; it changes the requests that are tried.
    """
    if not (provenance.get("sha256") or provenance.get("revision")):
        return None
    facts = [
        sorted((key, value) for key, value in provenance.items() if value),
        [number_format.quantization, str(number_format.dtype), number_format.packed],
        [device.type, thinking, _TRIALS],
        [version(name) for name in ("torch", "transformers")],
        torch.backends.cpu.get_cpu_capability(),  # a cache may be on a disk that machines share
    ]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]
    return cache_folder() / "inspected" / f"{digest}.json"


def read(path: Path | None) -> Inspected | None:
    """Return what is kept; None where nothing is, or nothing that can be read."""
    if path is None or not path.is_file():
        return None
    try:
        found = whole_files.read_json(path)
        abilities = Abilities(**{key: bool(value) for key, value in found["abilities"].items()})
        return Inspected(abilities, tuple(map(str, found["warnings"])))
    except (SteeringError, KeyError, TypeError, ValueError, AttributeError):
        return None


def keep(path: Path | None, found: Inspected) -> None:
    """Keep findings; without a cache they are found again the next time."""
    if path is not None:
        with suppress(SteeringError):
            whole_files.write_json(path, asdict(found))
