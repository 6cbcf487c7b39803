"""Whether maps that were fitted in one number format serve another: measured, not told by names.

A fixed set of training prompts is run again and compared with the coordinates that the maps store
of them, layer by layer:

    t_share       rms of t - stored t, in standard deviations of t within a class
    spread_share  rms of z - stored z, in rms radii of a class; z are the principal components

A layer is `same` where both are at most .1. Else the mean shift, which a number format gives to all
prompts alike, is taken off; the layer is `usable` where both are then at most .25, and its maps are
moved by that shift. Else it is `unusable`, and only a fit in this number format helps.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts import store
from steering.artifacts.evaluation_document import DriftEntry, DriftsEntry
from steering.artifacts.provenance import fingerprint
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.maps.clusters import CLASSES
from steering.maps.layer_map import LayerMap
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel
from steering.models.number_formats import short
from steering.sources.weights import cache_folder

DriftVerdict = Literal["same", "usable", "unusable"]

CALIBRATION_PROMPTS: Final = 32
"""Calibration prompts, half of each class, evenly spaced in the training prompts (chosen)."""
SAME: Final = 0.1
"""Largest share at which the maps are the same (chosen: bfloat16 against itself in another batch
drifts by .01 to .04 of the spread)."""
USABLE: Final = 0.25
"""Largest share, once the mean shift is taken off, at which the maps are of use (chosen)."""
CALIBRATION_BATCH: Final = 2
"""Prompts a pass: few, so that a visitor who asks for something waits for one short pass."""
DRIFT_SCHEMA: Final = 1


@dataclass(frozen=True)
class Drift:
    """How far the calibration prompts land from their stored coordinates at one layer.

    Attributes:
        layer: Block index; its input is compared.
        t_rms: Root mean square difference of t; 1 is the distance between the class means.
        t_share: The same in standard deviations of t within a class.
        spread_share: Root mean square distance in the principal components, in rms radii of a
            class.
        t_share_left: `t_share` once the mean shift is taken off.
        spread_share_left: `spread_share` once the mean shift is taken off.
        n: Calibration prompts.
        verdict: What follows.
        shift: Mean shift of the principal components, of t and of the second axis of the
            discriminant map, one after another; it is taken off where the verdict is `usable`.
    """

    layer: int
    t_rms: float
    t_share: float
    spread_share: float
    t_share_left: float
    spread_share_left: float
    n: int
    verdict: DriftVerdict
    shift: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """What was seen, for a reader."""
        seen = f"the same {self.n} prompts land {self.t_rms:.2f} of t away"
        if self.verdict == "same":
            return f"{seen}: the same map"
        left = f"{self.t_share_left:.2f} of the spread within a class"
        if self.verdict == "usable":
            return f"{seen}, {left} once their mean shift is taken off, as it is here: usable"
        worse = worst(self.t_share_left, self.spread_share_left)
        if not math.isfinite(worst(self.t_rms, self.t_share, self.spread_share, worse)):
            return f"the same {self.n} prompts land at no finite distance from there"
        return f"{seen}, and {worse:.2f} of the spread within a class is left without their shift"

    def as_dict(self) -> DriftEntry:
        """Return what a reader needs, as JSON types; a number that is not finite is None."""
        found = {
            name: value if not isinstance(value, float) or math.isfinite(value) else None
            for name, value in asdict(self).items()
            if name != "shift"
        }
        return cast(DriftEntry, found | {"sentence": self.sentence})


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
            store.write_json(path, document)
    return Check(_format(maps.dtype, maps.quantization), _format_of(model), drifts)


def measure(model: ChatModel, maps: Maps) -> tuple[Drift, ...]:
    """Run the calibration prompts and compare them with their stored coordinates."""
    indices = calibration(maps.labels)
    rows = [model.render(maps.texts[index]) for index in indices]
    states = capture(
        model, rows, layers=maps.layers, positions=[maps.position], batch_size=CALIBRATION_BATCH
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


def compare(
    chart: LayerMap,
    states: Float[Tensor, "prompt d_model"],
    indices: Sequence[int],
    labels: Sequence[str],
) -> Drift:
    """Compare states with the stored coordinates of the same prompts at one layer.

    Args:
        chart: The maps at that layer.
        states: The prompts' states as they are here.
        indices: Which points of the maps these prompts are, none of them borderline.
        labels: The class of every point that the maps were fitted on.
    """
    stored = torch.cat([chart.coordinates, chart.discriminant], dim=1).double()
    here = torch.cat([chart.clusters.coordinates(states), chart.lda(states)], dim=1).double()
    moved_by = here - stored[list(indices)]
    within = _within(stored[: chart.n_train], labels)
    t, rank = chart.coordinates.shape[1], chart.coordinates.shape[1]
    radius = within[:, :rank].square().sum(1).mean().sqrt()
    deviation = within[:, t].square().mean().sqrt()
    shift = moved_by.mean(0)

    def shares(steps: Tensor) -> tuple[float, float, float]:
        t_rms = steps[:, t].square().mean().sqrt()
        distance = steps[:, :rank].square().sum(1).mean().sqrt()
        return float(t_rms), float(t_rms / deviation), float(distance / radius)

    t_rms, t_share, spread_share = shares(moved_by)
    _, t_left, spread_left = shares(moved_by - shift)
    return Drift(
        layer=chart.layer,
        t_rms=t_rms,
        t_share=t_share,
        spread_share=spread_share,
        t_share_left=t_left,
        spread_share_left=spread_left,
        n=len(indices),
        verdict=verdict(worst(t_share, spread_share), worst(t_left, spread_left)),
        shift=tuple(shift.tolist()),
    )


def verdict(share: float, left: float) -> DriftVerdict:
    """Return what follows from the larger share, before and after the mean shift is taken off.

    Numbers that are not finite are of no use.
    """
    if not (math.isfinite(share) and math.isfinite(left)):
        return "unusable"
    if share <= SAME:
        return "same"
    return "usable" if left <= USABLE else "unusable"


def worst(*shares: float) -> float:
    """Return the largest share; NaN if one is not finite, which `max` may pass over."""
    return max(shares) if all(map(math.isfinite, shares)) else math.nan


def _within(stored: Float[Tensor, "prompt axis"], labels: Sequence[str]) -> Tensor:
    """Return each training prompt's step from the mean of its class."""
    steps = torch.empty_like(stored)
    for name in CLASSES:
        chosen = torch.tensor([label == name for label in labels])
        steps[chosen] = stored[chosen] - stored[chosen].mean(0)
    return steps


def moved(chart: LayerMap, shift: Sequence[float]) -> LayerMap:
    """Return maps that see a state as they saw it before it was moved by `shift`.

    The shift is known in the coordinates of the maps; the shortest move of the residual stream that
    has it is taken off.
    """
    w, _ = chart.axis()
    axes = torch.cat([chart.clusters.components, w[None], chart.rest[None]]).double()
    step = torch.linalg.lstsq(axes, torch.tensor(shift, dtype=torch.float64), driver="gelsd")
    by = step.solution
    return replace(
        chart,
        means=(chart.means.double() + by).float(),
        clusters=replace(chart.clusters, center=(chart.clusters.center.double() + by).float()),
    )


def _key(model: ChatModel, maps: Maps) -> str:
    facts = [
        fingerprint(model),
        model.device.type,
        short(model.dtype),
        model.number_format.quantization,
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
        document: Mapping[str, Any] = store.read_json(path)
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
    return _format(short(model.dtype), model.number_format.quantization)


def _format(dtype: str, quantization: str) -> str:
    names = {"nf4": "4-bit NF4", "int8": "8-bit int8"}
    return f"{names[quantization]} over {dtype}" if quantization in names else dtype
