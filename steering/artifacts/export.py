"""Takes a model's directions away: for other libraries, and as one archive for a paper.

Layer l here is the INPUT of block l, which is the OUTPUT of block l - 1. Libraries that add a
vector to a block's output therefore get layer l under the number l - 1. What they can express is
activation addition, at one layer and every position: adding c times the vector is `actadd:c=c`. A
projection or reflection is no vector to add; its basis is in the archive.

Same artifact, same bytes: no clock, no compression, a fixed order.
"""

import json
import tempfile
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import gguf
from safetensors.torch import save
from torch import Tensor

from steering.artifacts import archives, folders, store
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.export_readme import convention, readme
from steering.artifacts.manifest_document import Manifest
from steering.errors import SteeringError
from steering.interventions.directions import Directions
from steering.system import disk_space, whole_files
from steering.system.flat_tables import as_csv, flat

_KEPT = (".safetensors", ".json", ".jsonl", ".csv")
"""Endings of the artifact's files."""


def export(model: str, out: Path | None = None, *, folder: Path | None = None) -> Path:
    """Write the directions of a model for use elsewhere; the ending of `out` decides the form.

    Args:
        model: Catalog name, hub id or path, as in `precompute`.
        out: `.zip`: everything, as a research bundle. `.safetensors`: for steering-vectors.
            `.gguf`: for llama.cpp and repeng. None: `<model>.zip` in the working folder.
        folder: The artifact; None for `precomputed/<model>/`.

    Returns:
        The file written, whole or not at all.

    Raises:
        SteeringError: If there are no directions, the ending is unknown, the form cannot hold them,
            or the file cannot be written.
    """
    folder = folder or folders.folder_of(model)
    out = out or Path(f"{folders.shipped(model).name}.zip")
    form = _FORMS.get(out.suffix.lower())
    if form is None:
        raise SteeringError(f"cannot export to {out}: it must end in one of {', '.join(_FORMS)}")
    whole_files.write_file(out, form(store.load(model, folder), folder))
    return out


def steering_vector(directions: Directions) -> bytes:
    """Return the direction as safetensors for `steering_vectors.SteeringVector`.

    One float32 tensor of shape [d_model], raw norm, under the number of the block to whose output
    it is added. A note on sign, norm and layer is in the file's metadata.

    Raises:
        SteeringError: If the direction was found at the input of block 0.
    """
    block = _block_before(directions, first=0)
    # A single key, since safetensors writes several in no fixed order.
    note = json.dumps(convention(directions), ensure_ascii=False)
    return save({str(block): _vector(directions)}, metadata={"convention": note})


def control_vector(directions: Directions, architecture: str | None = None) -> bytes:
    """Return the direction as GGUF control vector, for llama.cpp and `repeng.ControlVector`.

    One float32 tensor `direction.N` of shape [d_model], raw norm, added to the output of block N.

    Args:
        directions: What was fitted.
        architecture: The model's type in its config.json, by which repeng tells which vectors can
            be added up; the model's name where it is not known.

    Raises:
        SteeringError: If the direction was found below the input of block 2: llama.cpp takes no
            `direction.0`.
    """
    block = _block_before(directions, first=1)
    scratch = Path(tempfile.gettempdir(), "vector.gguf")
    with disk_space.writing(scratch), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, scratch.name)
        writer = gguf.GGUFWriter(path, "controlvector")
        writer.add_string("controlvector.model_hint", architecture or directions.model)
        writer.add_uint32("controlvector.layer_count", 1)
        writer.add_description(" ".join(f"{k}: {v}." for k, v in convention(directions).items()))
        writer.add_tensor(f"direction.{block}", _vector(directions).numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def bundle(directions: Directions, folder: Path) -> bytes:
    """Return a zip file of the artifact, its tables as CSV, the other forms and a README."""
    members = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.suffix in _KEPT and not path.name.startswith(".")
    }
    manifest = store.manifest(directions.model, folder)
    for name, rows in _tables(manifest, store.evaluation(directions.model, folder)).items():
        if rows:
            members[f"tables/{name}.csv"] = as_csv(rows).encode()
    for ending, name in _NAMES.items():
        try:
            members[f"other-libraries/{name}"] = _FORMS[ending](directions, folder)
        except SteeringError:
            continue  # the README says which forms there are, and where they come from
    members["README.md"] = readme(directions, manifest, sorted(members)).encode()
    return archives.zipped(archives.summed(members))


def _block_before(directions: Directions, *, first: int) -> int:
    block = directions.dim_point[1] - 1
    if block < first:
        raise SteeringError(
            f"the direction of {directions.model} was found at the input of block "
            f"{directions.dim_point[1]}, but this form holds directions from the input of block "
            f"{first + 1} on; export a .zip instead"
        )
    return block


def _vector(directions: Directions) -> Tensor:
    return directions.raw(directions.dim_point).contiguous()


def _tables(
    manifest: Manifest, evaluation: EvaluationDocument | None
) -> dict[str, list[dict[str, object]]]:
    screening = manifest.get("dim_screening", {})
    return {
        "evaluation": [flat(entry) for entry in evaluation["panels"]] if evaluation else [],
        "selection_scores": [flat(entry) for entry in manifest.get("dim_scores", [])],
        "selection_screening": [{**_point(key), **flat(entry)} for key, entry in screening.items()],
        "inlp_accuracies": [
            {
                **_point(key.strip("()")),
                "direction": number,
                "dev_accuracy": accuracy,
                "cross_validated": crossed,
            }
            for key, found in manifest["inlp"].items()
            for number, (accuracy, crossed) in enumerate(
                # Earlier versions did not cross-validate.
                zip_longest(found["dev_accuracies"], found.get("cross_validated", ())),
                start=1,
            )
        ],
    }


def _point(key: str) -> dict[str, int]:
    position, layer = map(int, key.split(","))
    return {"position": position, "layer": layer}


_NAMES = {".safetensors": "steering-vectors.safetensors", ".gguf": "control-vector.gguf"}
_FORMS: dict[str, Callable[[Directions, Path], bytes]] = {
    ".zip": bundle,
    ".safetensors": lambda directions, _folder: steering_vector(directions),
    ".gguf": lambda directions, folder: control_vector(
        directions, store.manifest(directions.model, folder).get("architecture")
    ),
}
