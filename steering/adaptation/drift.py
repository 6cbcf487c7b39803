"""Whether maps that were fitted in one number format serve another: measured, not told by names.

A fixed set of training prompts is run again and compared with the coordinates that the maps store
of them, layer by layer, as `layer_drift` says. What was found is kept in the cache.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from steering.adaptation.layer_drift import Drift, compare, moved
from steering.artifacts.evaluation_document import DriftsEntry
from steering.artifacts.provenance import fingerprint
from steering.defaults import BEHIND_BATCH
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.maps.clusters import CLASSES
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel
from steering.models.fast_products import held_as
from steering.models.number_formats import short
from steering.sources.weights import cache_folder
from steering.system import whole_files

CALIBRATION_PROMPTS: Final = 32
"""Calibration prompts, half of each class, evenly spaced in the training prompts (chosen)."""
DRIFT_SCHEMA: Final = 1


@dataclass(frozen=True)
class Check:
    """What the check of one model on its maps found.

    Attributes:
        fitted: Number format of the maps, in words.
        here: Number format of the model, in words.
        drifts: One entry a layer of the maps.
    """

    fitted: str
    here: str
    drifts: tuple[Drift, ...]

    def at(self, layer: int) -> Drift:
        """Return what was found at a layer of the maps."""
        return next(drift for drift in self.drifts if drift.layer == layer)

    @property
    def fits(self) -> bool:
        """Whether any layer is of use."""
        return any(drift.verdict != "unusable" for drift in self.drifts)

    def sentence(self, layer: int) -> str:
        """Say what was checked and how well it holds at a layer."""
        where = f"maps fitted in {self.fitted}, here {self.here}"
        return f"layer {layer}, {where}: {self.at(layer).sentence}"

    def as_dict(self, layers: Sequence[int]) -> DriftsEntry:
        """Return what was found at some layers, as JSON types."""
        found = [self.at(layer).as_dict() for layer in layers]
        return {"fitted": self.fitted, "here": self.here, "layers": found}

    def applied(self, maps: Maps) -> Maps:
        """Return the maps with the mean shift taken off where the verdict is `usable`."""
        return replace(
            maps,
            charts=tuple(
                moved(chart, drift.shift) if drift.verdict == "usable" else chart
                for chart, drift in zip(maps.charts, self.drifts, strict=True)
            ),
        )


def check(model: ChatModel, maps: Maps) -> Check:
    """Run the calibration prompts and compare; what is known already is read from the cache.

    Args:
        model: A loaded chat model; every pass of it takes `model.turn`.
        maps: Its maps, as they were fitted.

    Raises:
        SteeringError: If the maps are of another model.
    """
    maps.require(model)
    path = cache_folder() / "drift" / f"{_key(model, maps)}.json"
    drifts = _read(path)
    if drifts is None:
        drifts = measure(model, maps)
        document = {"schema": DRIFT_SCHEMA, "drifts": [asdict(drift) for drift in drifts]}
        with suppress(SteeringError):  # without a cache it is measured again the next time
            whole_files.write_json(path, document)
    return Check(_format(maps.dtype, maps.quantization), _format_of(model), drifts)


def measure(model: ChatModel, maps: Maps) -> tuple[Drift, ...]:
    """Run the calibration prompts and compare them with their stored coordinates."""
    indices = calibration(maps.labels)
    rows = [model.render(maps.texts[index]) for index in indices]
    states = capture(
        model, rows, layers=maps.layers, positions=[maps.position], batch_size=BEHIND_BATCH
    )[:, 0]
    labels = [label for label in maps.labels if label in CLASSES]
    return tuple(
        compare(chart, states[:, index], indices, labels) for index, chart in enumerate(maps.charts)
    )


def calibration(labels: Sequence[str]) -> list[int]:
    """Return the indices of the calibration prompts: the same ones for the same maps, always."""
    chosen: list[int] = []
    for name in CLASSES:
        members = [index for index, label in enumerate(labels) if label == name]
        size = min(CALIBRATION_PROMPTS // len(CLASSES), len(members))
        chosen += [members[index * len(members) // size] for index in range(size)]
    return chosen


def _key(model: ChatModel, maps: Maps) -> str:
    facts = [
        fingerprint(model),
        model.device.type,
        short(model.dtype),
        held_as(model.number_format),
        maps.digest,
        [list(model.render(text)) for text in maps.texts[:1]],
        CALIBRATION_PROMPTS,
        DRIFT_SCHEMA,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def _read(path: Path) -> tuple[Drift, ...] | None:
    if not path.is_file():
        return None
    try:
        document: Mapping[str, Any] = whole_files.read_json(path)
        if document["schema"] != DRIFT_SCHEMA:
            return None
        if any(None in (*entry.values(), *entry["shift"]) for entry in document["drifts"]):
            return None  # A number that was not finite, and cannot be written.
        return tuple(
            Drift(**{**entry, "shift": tuple(entry["shift"])}) for entry in document["drifts"]
        )
    except (SteeringError, KeyError, TypeError, AttributeError):
        return None  # Broken by a full disk, perhaps: measured again.


def _format_of(model: ChatModel) -> str:
    said = _format(short(model.dtype), model.number_format.quantization)
    return f"{said} with fast products" if model.number_format.parts else said


def _format(dtype: str, quantization: str) -> str:
    names = {"nf4": "4-bit NF4", "int8": "8-bit int8"}
    return f"{names[quantization]} over {dtype}" if quantization in names else dtype
