"""Directions as the tensors and the manifest's facts that hold them, and back."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from steering.artifacts import class_fits
from steering.artifacts.manifest_document import (
    FittedFacts,
    ImportedFacts,
    Manifest,
    ManifestFacts,
    OpenerEntry,
    OpenersEntry,
)
from steering.chat_templates.rendering import Rendering
from steering.interventions import tensor_checks
from steering.interventions.openers import Opener, OpenerTable
from steering.interventions.outline import CLASS_NAMES, ExtractionPoint, Start

if TYPE_CHECKING:
    from torch import Tensor

    from steering.interventions.directions import Directions

ARTIFACT_SCHEMA = 1
"""Raised whenever a reader of the old files would misread the new ones."""
INCOMPLETE = 2
"""Schema of directions that lack INLP, class means or points, as imported ones do. They are marked
apart because a reader of schema 1 takes for granted that all of it is there."""


def content(directions: "Directions") -> bytes:
    """Return the bytes of `directions.safetensors`."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {"difference": directions.difference.contiguous()}
    if directions.harmless_mean is not None:
        tensors["harmless_mean"] = directions.harmless_mean.contiguous()
    tensors |= class_fits.inlp_tensors(directions.inlp)
    if directions.other is not None:
        tensors |= class_fits.tensors(directions.other)
    return save(tensors)


def manifest(directions: "Directions", content: bytes, facts: ManifestFacts) -> Manifest:
    """Return the manifest of directions: what a reader needs of them, and what their maker says.

    Args:
        directions: What was fitted.
        content: The bytes of their file, whose SHA-256 tells that both belong together.
        facts: Provenance and score tables.
    """
    return {
        "schema": ARTIFACT_SCHEMA if _is_complete(directions) else INCOMPLETE,
        "model": directions.model,
        "positions": list(directions.positions),
        "dim_place": list(directions.dim_point),
        "inlp_place": list(directions.inlp_point),
        "default_k": directions.default_k,
        "default_c": directions.default_c,
        **directions.rendering.as_dict(),
        "inlp": {
            class_fits.key(point): class_fits.inlp_entry(found)
            for point, found in directions.inlp.items()
        },
        **_beyond(directions),
        **_fitted(directions),
        "directions_sha256": hashlib.sha256(content).hexdigest(),
        **facts,
    }


def directions(document: Manifest, tensors: "Mapping[str, Tensor]") -> "Directions":
    """Return the directions that a manifest and its tensors describe.

    Raises:
        KeyError, TypeError, ValueError: If they do not belong together.
    """
    from steering.interventions.directions import Directions

    complete = document["schema"] == ARTIFACT_SCHEMA
    tensor_checks.require_manifest(document)
    tensor_checks.require_directions(document, tensors, complete=complete)
    dim_classes, inlp_classes = class_fits.definitions(document)
    return Directions(
        model=document["model"],
        difference=tensors["difference"],
        harmless_mean=tensors.get("harmless_mean"),
        positions=tuple(document["positions"]),
        inlp=class_fits.read_inlp(document["inlp"], tensors),
        dim_point=(document["dim_place"][0], document["dim_place"][1]),
        inlp_point=(document["inlp_place"][0], document["inlp_place"][1]),
        default_k=document["default_k"],
        default_c=document["default_c"],
        points=points(document),
        imported=document.get("imported"),
        rendering=Rendering.of(document),
        openers=openers(document),
        dim_classes=dim_classes,
        inlp_classes=inlp_classes,
        other=class_fits.other(document, tensors),
        nullspace=nullspace(document),
        class_names=class_names(document),
    )


def openers(document: Manifest) -> OpenerTable | None:
    """Return the table of refusal openers; None for directions that have none.

    Raises:
        KeyError, TypeError, ValueError: If it is broken.
    """
    found = document.get("opener_table")
    if found is None:
        return None
    rows = tuple(Opener(**row) for row in found["rows"])
    return OpenerTable(rows, found["n_refused"], found["n_answered"])


def _opener_entry(table: OpenerTable) -> OpenersEntry:
    return {
        "rows": [cast(OpenerEntry, asdict(row)) for row in table.rows],
        "n_refused": table.n_refused,
        "n_answered": table.n_answered,
    }


def points(document: Manifest) -> tuple[ExtractionPoint, ...] | None:
    """Return where a difference in means is known; None for everywhere."""
    found = document.get("places")
    return None if found is None else tuple((each[0], each[1]) for each in found)


def _is_complete(directions: "Directions") -> bool:
    known = (directions.harmless_mean is not None, directions.points is None)
    return all(known) and bool(directions.inlp)


def _fitted(directions: "Directions") -> FittedFacts:
    """Return what was found out beside the directions, as far as it was."""
    found: FittedFacts = {}
    if classes := class_fits.entry(directions):
        found["classes"] = classes
    if directions.openers is not None:
        found["opener_table"] = _opener_entry(directions.openers)
    if start := directions.nullspace:
        found["nullspace_start"] = {"place": list(start.point), "k": start.k}
    if directions.class_names != CLASS_NAMES:
        found["class_names"] = list(directions.class_names)
    return found


def nullspace(document: Manifest) -> Start | None:
    """Return where nullspace projection starts; None where it starts as flipping does.

    Raises:
        KeyError, IndexError, TypeError, ValueError: If it is broken.
    """
    found = document.get("nullspace_start")
    if found is None:
        return None
    position, layer = found["place"]
    key = class_fits.key((position, layer))
    if key not in document["inlp"] or type(found["k"]) is not int or found["k"] < 1:
        raise ValueError(f"nullspace_start is wrong: {found}")
    return Start((position, layer), found["k"])


def class_names(document: Manifest) -> tuple[str, str]:
    """Return what the classes are called.

    Raises:
        ValueError: If it is broken.
    """
    found = document.get("class_names", list(CLASS_NAMES))
    if len(found) != 2 or not all(isinstance(each, str) and each.strip() for each in found):
        raise ValueError(f"class_names is wrong: {found} are no two names")
    return found[0], found[1]


def _beyond(directions: "Directions") -> ImportedFacts:
    """Return what only imported directions have to say."""
    found: ImportedFacts = {}
    if directions.points is not None:
        found["places"] = [list(point) for point in directions.points]
    if directions.imported is not None:
        found["imported"] = directions.imported
    return found
