"""Reads and writes `precomputed/<model>/`: safetensors and JSON, with provenance.

manifest.json             schema, model, number format, prompts, versions, choices, score tables
directions.safetensors    difference in means and harmless means everywhere, INLP bases with the
                          class means that they were fitted on
controls.safetensors      what controls of the same data need, where it was fitted
maps.safetensors          PCA, harm axis and UMAP maps of every layer, with the prompts' texts
evaluation.json           the measured table
transfer.json             fit format by run format, where it was measured
fast_gate.json            how close fast products come to exact ones, where it was measured
capability.json           what edits cost in knowledge, where it was measured
harm.json                 where prompts lie on the axes of harm and refusal, where it was measured
patching.json             which states bring a refusal back, where it was measured
reproduce.json            commands, hashes and versions of all that
recordings.jsonl          example requests with every panel's answer

The page shows the documents before torch is there: only what reads or writes tensors imports it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from safetensors import SafetensorError, safe_open

from steering.artifacts import (
    class_fits,
    controls_file,
    directions_file,
    fast_gate_document,
    old_means,
    old_schemas,
)
from steering.artifacts.directions_file import ARTIFACT_SCHEMA, INCOMPLETE
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.fast_gate_document import FastGateDocument
from steering.artifacts.folders import available, folder_of, is_file
from steering.artifacts.manifest_document import Manifest, ManifestFacts
from steering.artifacts.recording_document import Recording
from steering.artifacts.transfer_document import TransferDocument
from steering.errors import NotFittedError, SteeringError
from steering.interventions import tensor_checks
from steering.interventions.outline import Outline
from steering.maps import map_points
from steering.maps.map_points import Points
from steering.sources import weights
from steering.system import whole_files

if TYPE_CHECKING:
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps


def write(folder: Path, directions: "Directions", manifest: ManifestFacts) -> None:
    """Write directions, manifest and controls, each atomically.

    Args:
        folder: Is made if need be.
        directions: What was fitted.
        manifest: Provenance and score tables; what a reader needs of `directions` is added.
    """
    content = directions_file.content(directions)
    whole_files.write_file(folder / "directions.safetensors", content)
    whole_files.write_json(
        folder / "manifest.json", directions_file.manifest(directions, content, manifest)
    )
    if directions.controls is not None:
        digest = hashlib.sha256(content).hexdigest()
        controls_file.write(folder, directions.controls, digest)


def load(model: str, folder: Path | None = None) -> "Directions":
    """Read the directions of a model, from `precomputed/<model>/` or the folder given.

    Raises:
        SteeringError: If there are none, they are broken, or of another schema.
    """
    from safetensors.torch import load_file

    document = manifest(model, folder)
    folder = folder or folder_of(model)
    path = folder / "directions.safetensors"
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != document["directions_sha256"]:
            raise SteeringError(
                f"{path} is broken or from another run: its SHA-256 is {digest}, its manifest says "
                f"{document['directions_sha256']}; {_remedy(model)}"
            )
        found = directions_file.directions(document, load_file(path))
        controls = controls_file.read(folder, digest)
        return replace(old_means.completed(found, folder), controls=controls)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{folder} cannot be read ({error}); {_remedy(model)}") from error


def outline(model: str, folder: Path | None = None) -> Outline:
    """Return what there is to know of a model's directions, from the manifest and their shapes.

    Raises:
        SteeringError: If there are none, they are broken, or of another schema. What is broken
            inside of a tensor only `load` can see.
    """
    document = manifest(model, folder)
    folder = folder or folder_of(model)
    try:
        with safe_open(folder / "directions.safetensors", "numpy") as file:
            n_layers = file.get_slice("difference").get_shape()[1]
            other = class_fits.other_classes(document)
            ranks, other_ranks = (
                {
                    class_fits.point(key): file.get_slice(f"inlp{key}{end}").get_shape()[0]
                    for key in entries
                }
                for end, entries in (
                    ("", document["inlp"]),
                    (f"@{other}", document["classes"]["inlp_of_other"] if other else {}),
                )
            )
        dim_classes, inlp_classes = class_fits.definitions(document)
        dim_point, inlp_point = document["dim_place"], document["inlp_place"]
        return Outline(
            model=document["model"],
            n_layers=n_layers,
            positions=tuple(document["positions"]),
            dim_point=(dim_point[0], dim_point[1]),
            inlp_point=(inlp_point[0], inlp_point[1]),
            inlp_ranks=ranks,
            default_k=document["default_k"],
            default_c=document["default_c"],
            points=directions_file.points(document),
            imported=document.get("imported"),
            stabilities=class_fits.stabilities(document),
            openers=directions_file.openers(document),
            dim_classes=dim_classes,
            inlp_classes=inlp_classes,
            other_classes=other,
            other_ranks=other_ranks,
            nullspace=directions_file.nullspace(document),
            class_names=directions_file.class_names(document),
            other_stabilities=class_fits.stabilities(document, other=True) if other else {},
            covariance_points=controls_file.points(folder, document["directions_sha256"]),
        )
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError) as error:
        raise SteeringError(f"{folder} cannot be read ({error}); {_remedy(model)}") from error


def manifest(model: str, folder: Path | None = None) -> Manifest:
    """Read a model's manifest.

    Raises:
        SteeringError: If there is none, it is broken, or of another schema.
    """
    path = (folder or folder_of(model)) / "manifest.json"
    if not is_file(path):
        if folder is None:
            weights.require_known(model)
        raise NotFittedError(
            f"there are no directions for {model!r} in {path.parent}; shipped are those of: "
            f"{', '.join(available()) or 'no model'}; {_remedy(model)}"
        )
    document = whole_files.read_json(path)
    found = document.get("schema")
    if found not in (ARTIFACT_SCHEMA, INCOMPLETE):
        raise SteeringError(
            f"{path} has schema {found}, this version reads schema {ARTIFACT_SCHEMA} and "
            f"{INCOMPLETE}; {_remedy(model)}"
        )
    return cast(Manifest, document)


def evaluation(model: str, folder: Path | None = None) -> EvaluationDocument | None:
    """Return the measured table of a model, or None where it was not measured.

    Earlier schemas are converted where that can be done; whatever else it is, `schema` says.

    Raises:
        SteeringError: If it is broken.
    """
    path = (folder or folder_of(model)) / "evaluation.json"
    return read_evaluation(path, _remedy(model)) if is_file(path) else None


def transfer(model: str, folder: Path | None = None) -> TransferDocument | None:
    """Return the table of number formats of a model, or None where it was not measured.

    Raises:
        SteeringError: If it is broken.
    """
    path = (folder or folder_of(model)) / "transfer.json"
    return read_transfer(path) if is_file(path) else None


def fast_gate(model: str, folder: Path | None = None) -> FastGateDocument | None:
    """Return what was measured of fast products of a model, or None where it was not.

    Raises:
        SteeringError: If it is broken, or of another schema.
    """
    path = (folder or folder_of(model)) / "fast_gate.json"
    if not is_file(path):
        return None
    remedy = f"measure it again with `python -m steering gate --model {model}`"
    return cast(FastGateDocument, _converted(path, fast_gate_document.checked, remedy))


def read_evaluation(path: Path, remedy: str = "measure it again") -> EvaluationDocument:
    """Read an evaluation of any schema; see `evaluation`."""

    def convert(document: object) -> object:
        return old_schemas.evaluation(tensor_checks.require_table(document))

    return cast(EvaluationDocument, _converted(path, convert, remedy))


def read_transfer(path: Path, remedy: str = "measure it again") -> TransferDocument:
    """Read a table of number formats of any schema; see `transfer`."""
    return cast(TransferDocument, _converted(path, old_schemas.transfer, remedy))


def _converted(path: Path, convert: Callable[[object], object], remedy: str) -> object:
    document = whole_files.read_json(path)
    try:
        return convert(document)
    except (AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {remedy}") from error


def write_maps(folder: Path, fitted: "Maps") -> None:
    """Write the maps of a model atomically."""
    from safetensors.torch import save

    from steering.maps import model_maps

    tensors, metadata = model_maps.tensors(fitted)
    # One entry, since safetensors writes several in an order that changes from run to run.
    document = {"maps": json.dumps(metadata, ensure_ascii=False, sort_keys=True)}
    whole_files.write_file(folder / "maps.safetensors", save(tensors, document))


def read_maps(model: str, folder: Path | None = None) -> "Maps | None":
    """Return the maps of a model, or None where there are none.

    Raises:
        SteeringError: If they are broken, or of another schema.
    """
    from safetensors.torch import load_file

    from steering.maps import model_maps

    path = (folder or folder_of(model)) / "maps.safetensors"
    if not is_file(path):
        return None
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads((file.metadata() or {})["maps"])
        return model_maps.from_tensors(load_file(path), metadata)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def read_points(model: str, folder: Path | None = None) -> Points | None:
    """Return the points of a model's maps, or None where there are no maps.

    Raises:
        SteeringError: If they are broken.
    """
    path = (folder or folder_of(model)) / "maps.safetensors"
    if not is_file(path):
        return None
    try:
        return map_points.read(path)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def recordings(model: str, folder: Path | None = None) -> tuple[Recording, ...]:
    """Return recorded example requests with every panel's answer; empty where there are none."""
    path = (folder or folder_of(model)) / "recordings.jsonl"
    if not is_file(path):
        return ()
    try:
        # Not splitlines(), which also cuts at signs that may stand inside a text (U+2028).
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
        tensor_checks.require_recordings(lines)
        return tuple(cast(list[Recording], lines))
    except (OSError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def _remedy(model: str) -> str:
    return f"make them with `python -m steering precompute --quick --model {model}`"
