"""Brings directions that were found elsewhere into the form that all commands take.

What is written is an artifact like any other, in the cache, with the origin in its manifest. Most
foreign files hold a difference in means only: there is no INLP subspace then, no class mean, and
perhaps no direction at some layers; what needs these says so.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from steering.artifacts import folders, local_fits, publishing, store
from steering.artifacts.manifest_document import ManifestFacts, OriginEntry
from steering.errors import SteeringError
from steering.foreign import own_exports
from steering.foreign.foreign_formats import read
from steering.foreign.foreign_vectors import Foreign, Numbers
from steering.foreign.model_shape import Shape, shape_of
from steering.interventions.directions import Directions, ExtractionPoint
from steering.system import whole_files

USUAL_DEPTH: Final = 0.5
"""Share of the depth at which a direction is taken where the file chooses none and has several
(chosen: Arditi et al. took theirs at .38 to .63 in models of up to 8 billion weights)."""
_UNCHECKED: Final = (
    "the width fits; whether they were found on these very weights, no file can tell"
)


@dataclass(frozen=True)
class Wishes:
    """What a user decides where the file leaves it open.

    Attributes:
        layer: Block input at which the direction is taken.
        scale: What every vector is multiplied with; below zero turns the sign.
        numbers: What layers' numbers mean in files without a convention of their own.
    """

    layer: int | None = None
    scale: float = 1.0
    numbers: Numbers = "outputs"

    def __post_init__(self) -> None:
        """Refuse a scale that leaves no direction."""
        if not 1e-6 <= abs(self.scale) <= 1e6:
            raise SteeringError(
                f"scale={self.scale:g} is out of range; allowed: 0.000001 to 1000000, or minus that"
            )


@dataclass(frozen=True)
class Imported:
    """What was written.

    Attributes:
        folder: The artifact.
        directions: What is in it.
        manifest: What is said of it.
        cosine: With the directions that the model had before, at the same layer; None where it has
            none.
    """

    folder: Path
    directions: Directions
    manifest: ManifestFacts
    cosine: float | None


def import_directions(
    path: Path, model: str, out: Path | None = None, *, wishes: Wishes | None = None
) -> Imported:
    """Read directions of another program, check them against a model, and store them.

    Args:
        path: A folder or file; see `foreign_formats.read`, and what `export` writes.
        model: Catalog name, hub id, folder or .gguf file; its weights are not loaded.
        out: Folder; None for one in the cache, named by what is in it.
        wishes: What the file leaves open.

    Raises:
        SteeringError: If the file or the model cannot be read, they do not fit, or the folder holds
            directions that were fitted and not imported; nothing is changed then.
    """
    shape, wishes = shape_of(model), wishes or Wishes()
    with own_exports.own_folder(path) as own:
        if own is None:
            foreign = read(path, shape, numbers=wishes.numbers, layer=wishes.layer)
            directions, manifest = _assembled(foreign, shape, wishes)
            maps = None
        else:
            directions, manifest, maps = _taken_back(own, path, shape, wishes)
    made_of = [directions.digest, directions.imported, manifest["imported_from"]["files"]]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    folder = out or local_fits.root(model) / f"{local_fits.IMPORTED}{key[:12]}"
    _require_free(folder)
    # Maps of an earlier import are of other directions.
    with publishing.replacing(folder, leaving_out=["maps.safetensors"]) as made:
        store.write(made, directions, manifest)
        if maps is not None:
            whole_files.write_file(made / "maps.safetensors", maps)
    return Imported(folder, store.load(model, folder), manifest, _cosine(directions, model))


def _assembled(foreign: Foreign, shape: Shape, wishes: Wishes) -> tuple[Directions, ManifestFacts]:
    point, rule = _chosen(foreign, shape, wishes.layer)
    positions = foreign.everywhere or tuple(sorted({position for position, _ in foreign.vectors}))
    difference = torch.zeros(len(positions), shape.n_layers, shape.d_model)
    for (position, layer), vector in foreign.vectors.items():
        difference[positions.index(position), layer] = vector * wishes.scale
    said = f"imported from {', '.join(foreign.files)} ({foreign.form}): {foreign.sign}"
    said += f"; multiplied by {wishes.scale:g} on import" if wishes.scale != 1 else ""
    directions = Directions(
        model=shape.model,
        difference=difference,
        harmless_mean=None,
        positions=positions,
        inlp={},
        dim_point=point,
        inlp_point=point,
        default_k=1,
        default_c=1.0,
        points=None if foreign.everywhere else tuple(sorted(foreign.vectors)),
        imported=said,
    )
    return directions, {
        "imported_from": _origin(foreign.form, foreign.files, (*foreign.notes, _UNCHECKED), wishes),
        "position_known": foreign.placed,
        "dim_choice": {"position": point[0], "layer": point[1], "rule": rule},
    }


def _origin(
    form: str, files: Mapping[str, str], notes: tuple[str, ...], wishes: Wishes
) -> OriginEntry:
    return {
        "format": form,
        "files": dict(files),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "scale": wishes.scale,
        "numbers": wishes.numbers,
        "notes": list(notes),
    }


def _chosen(foreign: Foreign, shape: Shape, layer: int | None) -> tuple[ExtractionPoint, str]:
    known = sorted(foreign.vectors)
    if layer is not None:
        position = foreign.point[0] if foreign.point else known[0][0]
        if (position, layer) not in known:
            layers = ", ".join(str(each) for p, each in known if p == position)
            raise SteeringError(
                f"layer {layer} has no direction in the file; it has the block inputs {layers}"
            )
        return (position, layer), "the layer that was asked for"
    if foreign.point:
        return foreign.point, "chosen by the maker of the file"
    if len(known) == 1:
        return known[0], "the only one in the file"
    middle = USUAL_DEPTH * shape.n_layers
    point = min(known, key=lambda each: (abs(each[1] - middle), each))
    return point, "nearest to half the depth, not measured; --layer chooses another"


def _taken_back(
    own: Path, path: Path, shape: Shape, wishes: Wishes
) -> tuple[Directions, ManifestFacts, bytes | None]:
    """Return directions of this project, with their origin."""
    if wishes != Wishes():
        raise SteeringError(
            f"{path} says itself where its directions are taken and how long they are; leave "
            "--layer, --scale, --flip-sign and --numbers out"
        )
    directions, manifest, notes, maps = own_exports.taken_back(own, shape)
    content = (path if path.is_file() else own / "directions.safetensors").read_bytes()
    files = {path.name: hashlib.sha256(content).hexdigest()}
    manifest["imported_from"] = _origin("artifact of this project", files, notes, wishes)
    return directions, manifest, maps


def _cosine(directions: Directions, model: str) -> float | None:
    """Compare with the difference in means that the model has without it, at the same layer."""
    folder = folders.folder_of(model)
    if not (folder / local_fits.MANIFEST).is_file() or folder.name.startswith(local_fits.IMPORTED):
        return None
    known = store.load(model, folder)
    position, layer = directions.dim_point
    if position not in known.positions or directions.points is not None:
        position = known.dim_point[0]
    if (known.n_layers, known.d_model) != (directions.n_layers, directions.d_model):
        return None
    other, own = known.raw((position, layer)), directions.raw(directions.dim_point)
    return float(torch.nn.functional.cosine_similarity(own, other, dim=0)) if other.any() else None


def _require_free(folder: Path) -> None:
    """Refuse to write over directions that were fitted: they may have cost hours."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SteeringError(f"{folder} is a file; give a folder with --out")
    with contextlib.suppress(SteeringError):
        if "imported_from" in whole_files.read_json(folder / "manifest.json"):
            return
    if any(path.name != publishing.PARTIAL for path in folder.iterdir()):
        raise SteeringError(
            f"{folder} is not empty, and what is in it was not imported; give a new folder with "
            "--out"
        )


def as_document(imported: Imported) -> dict[str, Any]:
    """Return what was done as JSON types, for the command line."""
    directions, origin = imported.directions, imported.manifest["imported_from"]
    vector: Tensor = directions.raw(directions.dim_point)
    return {
        "folder": str(imported.folder),
        "use": f'--directions "{imported.folder}"',
        "model": directions.model,
        "format": origin["format"],
        "files": origin["files"],
        "position": directions.dim_point[0]
        if imported.manifest.get("position_known", True)
        else None,
        "layer": directions.dim_point[1],
        "rule": imported.manifest.get("dim_choice", {}).get("rule"),
        "layers": sorted({layer for _, layer in directions.points or ()}) or "all",
        "inlp_rank": directions.inlp_rank,
        "norm": float(vector.norm()),
        "sign": directions.imported or "mean over harmful minus mean over harmless prompts",
        "cosine": imported.cosine,
        "notes": origin["notes"],
    }
