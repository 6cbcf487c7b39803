"""What decides, beside request and settings, what a model writes: kept with a run, and compared."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from steering.artifacts.run_document import ConditionsEntry
from steering.interventions.outline import CLASS_NAMES

if TYPE_CHECKING:
    from steering.artifacts.manifest_document import ManifestFacts, WeightsEntry
    from steering.maps.steerable_model import SteerableModel

COMPARED: Final = {
    "quantization": "quantization",
    "dtype": "number format",
    "speed": "arithmetic",
    "thinking": "thinking",
    "date": "date in the template",
    "contrast": "contrast",
    "directions": "directions",
    "device": "device",
}
"""What is compared as it stands, with its name in a sentence."""


def conditions(steerable: "SteerableModel") -> ConditionsEntry:
    """Return those of a loaded model with its directions."""
    from steering.artifacts import provenance  # with torch

    model, directions = steerable.model, steerable.directions
    names = directions.class_names
    own = None if names == CLASS_NAMES else " / ".join(names)
    if own:  # a contrast is kept without the openers of the model that plays it
        directions = replace(directions, openers=None)
    machine = provenance.machine(model)
    return {
        "weights": cast("WeightsEntry", dict(model.provenance)),
        "fingerprint": provenance.unnamed_weights(model).get("fingerprint"),
        "quantization": model.number_format.quantization,
        "dtype": str(model.dtype).removeprefix("torch."),
        "speed": "fast" if model.number_format.parts else "exact",
        "number_format": model.number_format.reason,
        "thinking": model.template.rendering.thinking,
        "date": model.template.rendering.date,
        "device": machine["device"],
        "threads": machine["threads"],
        "versions": machine["versions"],
        "directions": directions.digest,
        "contrast": own,
    }


def recorded_conditions(manifest: "ManifestFacts | None") -> ConditionsEntry:
    """Return those of recordings, as far as the manifest they were made with tells them."""
    made: dict[str, Any] = dict(manifest or {})
    kept = ("weights", "quantization", "dtype", "thinking", "date", "device", "threads", "versions")
    found = {key: made[key] for key in kept if key in made}
    # What is measured or recorded is computed with exact products.
    return cast(ConditionsEntry, found | ({"speed": "exact"} if found else {}))


def differing(saved: ConditionsEntry, here: ConditionsEntry) -> list[tuple[str, str, str]]:
    """Return what is known to differ: its name, how it was, and how it is here.

    What one of the two does not tell is not compared.
    """
    found = []
    before, now = weights_name(saved), weights_name(here)
    if before and now and before[0] == now[0] and before != now:
        found.append(("weights", before[1], now[1]))
    for key, name in COMPARED.items():
        before_, now_ = saved.get(key), here.get(key)
        if before_ is not None and now_ is not None and before_ != now_:
            found.append((name, str(before_), str(now_)))
    return found


def weights_name(entry: ConditionsEntry) -> tuple[str, str] | None:
    """Return by what weights are named, and the name; None where nothing names them."""
    weights = entry.get("weights") or {}
    named = {
        "sha256": weights.get("sha256"),
        "revision": weights.get("revision"),
        "fingerprint": entry.get("fingerprint"),
    }
    return next(((kind, str(name)) for kind, name in named.items() if name), None)
