"""Reads and writes `precomputed/<model>/`: safetensors and JSON, with provenance.

manifest.json             schema, model, number format, prompts, versions, choices, score tables
directions.safetensors    difference in means and harmless means everywhere, INLP bases
maps.safetensors          PCA, discriminant and UMAP maps of every layer, with the prompts' texts
evaluation.json           the measured table
recordings.jsonl          example requests with every panel's answer
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from steering import maps, weights
from steering.directions import Directions, Inlp, Place
from steering.errors import SteeringError
from steering.maps import Maps
from steering.rendering import Rendering
from steering.subspace import Subspace

SCHEMA = 1
"""Raised whenever a reader of the old files would misread the new ones."""
ROOT = Path(__file__).resolve().parent.parent / "precomputed"


def folder_of(model: str, root: Path = ROOT) -> Path:
    """Return where the artifact of a model lies; ids and paths become one folder name."""
    safe = "".join(c if c.isalnum() or c in "._-" else "--" for c in model.strip("/"))
    return root / safe.lower()


def available(root: Path = ROOT) -> tuple[str, ...]:
    """Return the names of the models that have directions."""
    return tuple(sorted(file.parent.name for file in root.glob("*/manifest.json")))


def write(folder: Path, directions: Directions, manifest: Mapping[str, Any]) -> None:
    """Write directions and manifest, each atomically, the manifest last.

    Args:
        folder: Is made if need be.
        directions: What was fitted.
        manifest: Provenance and score tables; what a reader needs of `directions` is added.
    """
    tensors: dict[str, Tensor] = {
        "difference": directions.difference.contiguous(),
        "harmless_mean": directions.harmless_mean.contiguous(),
    }
    for place, found in directions.inlp.items():
        tensors[f"inlp{_key(place)}"] = found.subspace.basis.contiguous()
    content = save(tensors)
    write_file(folder / "directions.safetensors", content)
    document = {
        "schema": SCHEMA,
        "model": directions.model,
        "positions": list(directions.positions),
        "dim_place": list(directions.dim_place),
        "inlp_place": list(directions.inlp_place),
        "default_k": directions.default_k,
        "default_c": directions.default_c,
        **directions.rendering.as_dict(),
        "inlp": {
            _key(place): {"dev_accuracies": list(found.dev_accuracies), "stopped": found.stopped}
            for place, found in directions.inlp.items()
        },
        "directions_sha256": hashlib.sha256(content).hexdigest(),
        **manifest,
    }
    write_json(folder / "manifest.json", document)


def load(model: str, folder: Path | None = None) -> Directions:
    """Read the directions of a model, from `precomputed/<model>/` or the folder given.

    Raises:
        SteeringError: If there are none, they are broken, or of another schema.
    """
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
        return _assemble(document, load_file(path))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{folder} cannot be read ({error}); {_remedy(model)}") from error


def manifest(model: str, folder: Path | None = None) -> dict[str, Any]:
    """Read a model's manifest.

    Raises:
        SteeringError: If there is none, it is broken, or of another schema.
    """
    path = (folder or folder_of(model)) / "manifest.json"
    if not path.is_file():
        if folder is None:
            weights.require_known(model)
        raise SteeringError(
            f"there are no directions for {model!r} in {path.parent}; shipped are those of: "
            f"{', '.join(available()) or 'no model'}; {_remedy(model)}"
        )
    document = read_json(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise SteeringError(
            f"{path} has schema {found}, this version reads schema {SCHEMA}; {_remedy(model)}"
        )
    return dict(document)


def evaluation(model: str, folder: Path | None = None) -> dict[str, Any] | None:
    """Return the measured table of a model, or None where it was not measured."""
    path = (folder or folder_of(model)) / "evaluation.json"
    return dict(read_json(path)) if path.is_file() else None


def write_maps(folder: Path, fitted: Maps) -> None:
    """Write the maps of a model atomically."""
    tensors, metadata = maps.tensors(fitted)
    # One entry, since safetensors writes several in an order that changes from run to run.
    document = {"maps": json.dumps(metadata, ensure_ascii=False, sort_keys=True)}
    write_file(folder / "maps.safetensors", save(tensors, document))


def read_maps(model: str, folder: Path | None = None) -> Maps | None:
    """Return the maps of a model, or None where there are none.

    Raises:
        SteeringError: If they are broken, or of another schema.
    """
    path = (folder or folder_of(model)) / "maps.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads((file.metadata() or {})["maps"])
        return maps.from_tensors(load_file(path), metadata)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def recordings(model: str, folder: Path | None = None) -> tuple[dict[str, Any], ...]:
    """Return recorded example requests with every panel's answer; empty where there are none."""
    path = (folder or folder_of(model)) / "recordings.jsonl"
    if not path.is_file():
        return ()
    try:
        return tuple(json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    except ValueError as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def read_json(path: Path) -> Any:  # noqa: ANN401
    """Read a JSON document.

    Raises:
        SteeringError: If it is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); write it again") from error


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401
    """Write a JSON document atomically, readable and stable in order."""
    write_file(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def write_lines(path: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    """Write a JSONL file atomically."""
    lines = [json.dumps(document, ensure_ascii=False) + "\n" for document in documents]
    write_file(path, "".join(lines).encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SteeringError: If the disk refuses; nothing is left behind.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise SteeringError(
            f"{path} could not be written: {error}; free space or permit"
        ) from error


def _assemble(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Directions:
    inlp: dict[Place, Inlp] = {}
    for key, facts in document["inlp"].items():
        position, layer = map(int, key.strip("()").split(","))
        subspace = Subspace(tensors[f"inlp{key}"], layer, position, "INLP")
        inlp[position, layer] = Inlp(subspace, tuple(facts["dev_accuracies"]), facts["stopped"])
    for name in ("difference", "harmless_mean"):
        if tensors[name].dtype != torch.float32:
            raise ValueError(f"{name} is {tensors[name].dtype}, expected float32")
    return Directions(
        model=document["model"],
        difference=tensors["difference"],
        harmless_mean=tensors["harmless_mean"],
        positions=tuple(document["positions"]),
        inlp=inlp,
        dim_place=(document["dim_place"][0], document["dim_place"][1]),
        inlp_place=(document["inlp_place"][0], document["inlp_place"][1]),
        default_k=document["default_k"],
        default_c=document["default_c"],
        rendering=Rendering.of(document),
    )


def _key(place: Place) -> str:
    return f"({place[0]},{place[1]})"


def _remedy(model: str) -> str:
    return f"make them with `python -m steering precompute --model {model}`"
