"""The form of a contrast in JSON, which the command line prints and a bundle holds; and back."""

from collections.abc import Mapping
from typing import Any, TypedDict

from steering.contrasts.contrast_fit import Contrast
from steering.contrasts.findings import RULE, LayerFinding, Shortcut
from steering.contrasts.held_out import Chance, HeldOut
from steering.contrasts.text_lists import TextLists
from steering.errors import SteeringError
from steering.intervals import Interval, IntervalEntry

CONTRAST_SCHEMA = 1
"""Raised whenever a reader of the old document would misread the new one."""


class ChanceEntry(TypedDict):
    """What an accuracy comes to by chance; see `held_out.Chance`."""

    mean: float
    low: float
    high: float
    n: int


class LayerEntry(TypedDict):
    """What was found at a layer; see `findings.LayerFinding`."""

    layer: int
    separates: bool
    norm: float
    dim_accuracy: IntervalEntry
    dim_shuffled: ChanceEntry
    dim_random: ChanceEntry
    p_value: float
    p_holm: float
    inlp_accuracy: IntervalEntry
    inlp_accuracies: list[float]
    inlp_stopped: str
    inlp_shuffled: ChanceEntry
    inlp_random: ChanceEntry


class ShortcutEntry(TypedDict):
    """How well something trivial tells the lists apart."""

    what: str
    accuracy: IntervalEntry
    works: bool


class ContrastDocument(TypedDict):
    """`contrast.json`: the lists, what was found of them, and what it comes to."""

    schema: int
    model: str
    names: list[str]
    texts: list[list[str]]
    texts_sha256: str
    notes: list[str]
    held_out: str
    rule: str
    separates: bool
    verdict: str
    warnings: list[str]
    layer: int
    position: int
    rank: int
    layers: list[LayerEntry]
    shortcuts: list[ShortcutEntry]
    seconds: dict[str, float]


def document(contrast: Contrast) -> ContrastDocument:
    """Return a contrast as JSON types, without its tensors."""
    texts, directions = contrast.texts, contrast.directions
    n = 2 * texts.size
    return {
        "schema": CONTRAST_SCHEMA,
        "model": directions.model,
        "names": list(texts.names),
        "texts": [list(texts.first), list(texts.second)],
        "texts_sha256": texts.digest,
        "notes": list(texts.notes),
        "held_out": "five splits: every text once, fitted on the other four fifths",
        "rule": RULE,
        "separates": contrast.separates,
        "verdict": contrast.verdict,
        "warnings": list(contrast.warnings),
        "layer": contrast.layer,
        "position": directions.inlp_point[0],
        "rank": directions.inlp_rank,
        "layers": [_layer_entry(each) for each in contrast.findings],
        "shortcuts": [
            {"what": each.what, "accuracy": each.accuracy.entry(n), "works": each.works}
            for each in contrast.shortcuts
        ],
        "seconds": {name: round(value, 2) for name, value in contrast.seconds.items()},
    }


def _layer_entry(found: LayerFinding) -> LayerEntry:
    return {
        "layer": found.layer,
        "separates": found.separates,
        "norm": found.norm,
        "dim_accuracy": found.dim.accuracy.entry(found.n),
        "dim_shuffled": _chance_entry(found.dim.shuffled),
        "dim_random": _chance_entry(found.dim_random),
        "p_value": found.dim.p_value,
        "p_holm": found.p_holm,
        "inlp_accuracy": found.inlp.entry(found.n),
        "inlp_accuracies": list(found.inlp_accuracies),
        "inlp_stopped": found.inlp_stopped,
        "inlp_shuffled": _chance_entry(found.inlp_shuffled),
        "inlp_random": _chance_entry(found.inlp_random),
    }


def _chance_entry(chance: Chance) -> ChanceEntry:
    return {"mean": chance.mean, "low": chance.low, "high": chance.high, "n": chance.n}


def read_lists(found: Mapping[str, Any]) -> TextLists:
    """Return the lists of a document.

    Raises:
        SteeringError: If it is of another schema, or its texts are not those that were read.
        KeyError, TypeError, ValueError: If something is missing or of another kind.
    """
    if found["schema"] != CONTRAST_SCHEMA:
        raise SteeringError(
            f"the contrast has schema {found['schema']}, this version reads schema "
            f"{CONTRAST_SCHEMA}; fit it again with `python -m steering contrast`"
        )
    one, other = found["names"]
    first, second = (tuple(each) for each in found["texts"])
    texts = TextLists((one, other), first, second, tuple(found["notes"]))
    if texts.digest != found["texts_sha256"]:
        raise SteeringError(
            "the texts of the contrast were changed after it was fitted; fit it again with "
            "`python -m steering contrast`"
        )
    return texts


def read_findings(found: Mapping[str, Any]) -> tuple[LayerFinding, ...]:
    """Return what a document says of its layers.

    Raises:
        KeyError, TypeError, ValueError: If something is missing or of another kind.
    """
    return tuple(
        LayerFinding(
            layer=each["layer"],
            n=each["dim_accuracy"]["n"],
            norm=each["norm"],
            dim=HeldOut(
                _interval(each["dim_accuracy"]), Chance(**each["dim_shuffled"]), each["p_value"]
            ),
            p_holm=each["p_holm"],
            dim_random=Chance(**each["dim_random"]),
            inlp=_interval(each["inlp_accuracy"]),
            inlp_accuracies=tuple(each["inlp_accuracies"]),
            inlp_stopped=each["inlp_stopped"],
            inlp_shuffled=Chance(**each["inlp_shuffled"]),
            inlp_random=Chance(**each["inlp_random"]),
        )
        for each in found["layers"]
    )


def read_shortcuts(found: Mapping[str, Any]) -> tuple[Shortcut, ...]:
    """Return what a document says of trivial ways.

    Raises:
        KeyError, TypeError, ValueError: If something is missing or of another kind.
    """
    return tuple(Shortcut(each["what"], _interval(each["accuracy"])) for each in found["shortcuts"])


def _interval(entry: Mapping[str, float]) -> Interval:
    return Interval(entry["estimate"], entry["low"], entry["high"])
