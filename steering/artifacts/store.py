"""Reads and writes `precomputed/<model>/`: safetensors and JSON, with provenance.

manifest.json             schema, model, number format, prompts, versions, choices, score tables
directions.safetensors    difference in means and harmless means everywhere, INLP bases
maps.safetensors          PCA, discriminant and UMAP maps of every layer, with the prompts' texts
evaluation.json           the measured table
transfer.json             fit format by run format, where it was measured
recordings.jsonl          example requests with every panel's answer

The page shows the documents before torch is there: only what reads or writes tensors imports it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from safetensors import SafetensorError, safe_open

from steering.artifacts import local_fits, old_schemas
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.manifest_document import ImportedFacts, Manifest, ManifestFacts
from steering.artifacts.recording_document import Recording
from steering.artifacts.transfer_document import TransferDocument
from steering.chat_templates.rendering import Rendering
from steering.errors import NotFittedError, SteeringError
from steering.interventions import tensor_checks
from steering.interventions.outline import ExtractionPoint, Outline
from steering.maps import map_points
from steering.maps.map_points import Points
from steering.shipped import PRECOMPUTED
from steering.sources import weights
from steering.system import disk_space, strict_json

if TYPE_CHECKING:
    from torch import Tensor

    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps

ARTIFACT_SCHEMA = 1
"""Raised whenever a reader of the old files would misread the new ones."""
INCOMPLETE = 2
"""Schema of directions that lack INLP, class means or points, as imported ones do. They are marked
apart because a reader of schema 1 takes for granted that all of it is there."""
PARTIAL = ".partial"
"""Folder in that of an artifact, with files that are to take the place of those there."""
ROOT: Final = PRECOMPUTED


def shipped(model: str, root: Path = ROOT) -> Path:
    """Return where the shipped artifact of a model lies, or would lie."""
    return root / local_fits.folder_name(model)


def folder_of(model: str, root: Path = ROOT) -> Path:
    """Return where the artifact of a model lies: the shipped one, else the newest fit in the cache.

    Where there is neither, the folder of a shipped one.
    """
    found = shipped(model, root)
    if _is_file(found / local_fits.MANIFEST):
        return found
    return local_fits.newest(model) or found


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def available(root: Path = ROOT) -> tuple[str, ...]:
    """Return the names of the models that have directions."""
    return tuple(sorted(file.parent.name for file in root.glob("*/manifest.json")))


def write(folder: Path, directions: "Directions", manifest: ManifestFacts) -> None:
    """Write directions and manifest, each atomically, the manifest last.

    Args:
        folder: Is made if need be.
        directions: What was fitted.
        manifest: Provenance and score tables; what a reader needs of `directions` is added.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {"difference": directions.difference.contiguous()}
    if directions.harmless_mean is not None:
        tensors["harmless_mean"] = directions.harmless_mean.contiguous()
    for point, found in directions.inlp.items():
        tensors[f"inlp{_key(point)}"] = found.subspace.basis.contiguous()
    content = save(tensors)
    write_file(folder / "directions.safetensors", content)
    document: Manifest = {
        "schema": ARTIFACT_SCHEMA if _is_complete(directions) else INCOMPLETE,
        "model": directions.model,
        "positions": list(directions.positions),
        "dim_place": list(directions.dim_point),
        "inlp_place": list(directions.inlp_point),
        "default_k": directions.default_k,
        "default_c": directions.default_c,
        **directions.rendering.as_dict(),
        "inlp": {
            _key(point): {"dev_accuracies": list(found.dev_accuracies), "stopped": found.stopped}
            for point, found in directions.inlp.items()
        },
        **_beyond(directions),
        "directions_sha256": hashlib.sha256(content).hexdigest(),
        **manifest,
    }
    write_json(folder / "manifest.json", document)


@contextlib.contextmanager
def replacing(folder: Path, *, leaving_out: Sequence[str] = ()) -> Generator[Path]:
    """Give a folder to write an artifact's files in; in the end they replace those of a folder.

    A kill on the way leaves the folder as it was.

    Args:
        folder: Is made if need be; files of other names stay.
        leaving_out: Files that go if no new ones replace them.

    Raises:
        SteeringError: If the disk refuses, as `publish` says.
    """
    with disk_space.writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-")
    with beside as root:
        # One level deeper than a fit, so that a search for fits does not find it.
        made = Path(root) / "made"
        yield made
        publish(made, folder, leaving_out=leaving_out)


def publish(made: Path, folder: Path, *, leaving_out: Sequence[str] = ()) -> None:
    """Put a finished artifact in its place: every file is written whole, then all are named anew.

    The manifest comes last: until then the old one says a hash that new directions do not have, so
    that no mixture is taken for an artifact.

    Args:
        made: Holds the files, and nothing else; it is removed.
        folder: Is made if need be; files of other names stay.
        leaving_out: Files that go if `made` has none of their name.

    Raises:
        SteeringError: If the disk refuses; unless it does so between two renames, `folder` is then
            as it was.
    """
    partial = folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed right here
    try:
        names = sorted((path.name for path in made.iterdir()), key=_manifest_last)
        gone = [name for name in leaving_out if name not in names]
        for name in names:
            write_file(partial / name, (made / name).read_bytes())
        for name in names:
            if name == local_fits.MANIFEST:
                for each in gone:
                    (folder / each).unlink(missing_ok=True)
            (partial / name).replace(folder / name)
    except OSError as error:
        raise SteeringError(f"{folder} could not be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(made, ignore_errors=True)


def _manifest_last(name: str) -> tuple[bool, str]:
    return name == local_fits.MANIFEST, name


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
        return _assemble(document, load_file(path))
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
            ranks = {
                _point(key): file.get_slice(f"inlp{key}").get_shape()[0] for key in document["inlp"]
            }
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
            points=_points(document),
            imported=document.get("imported"),
        )
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError) as error:
        raise SteeringError(f"{folder} cannot be read ({error}); {_remedy(model)}") from error


def manifest(model: str, folder: Path | None = None) -> Manifest:
    """Read a model's manifest.

    Raises:
        SteeringError: If there is none, it is broken, or of another schema.
    """
    path = (folder or folder_of(model)) / "manifest.json"
    if not _is_file(path):
        if folder is None:
            weights.require_known(model)
        raise NotFittedError(
            f"there are no directions for {model!r} in {path.parent}; shipped are those of: "
            f"{', '.join(available()) or 'no model'}; {_remedy(model)}"
        )
    document = read_json(path)
    found = document.get("schema") if isinstance(document, dict) else None
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
    return read_evaluation(path, _remedy(model)) if _is_file(path) else None


def transfer(model: str, folder: Path | None = None) -> TransferDocument | None:
    """Return the table of number formats of a model, or None where it was not measured.

    Raises:
        SteeringError: If it is broken.
    """
    path = (folder or folder_of(model)) / "transfer.json"
    return read_transfer(path) if _is_file(path) else None


def read_evaluation(path: Path, remedy: str = "measure it again") -> EvaluationDocument:
    """Read an evaluation of any schema; see `evaluation`."""

    def convert(document: object) -> object:
        return old_schemas.evaluation(tensor_checks.require_table(document))

    return cast(EvaluationDocument, _converted(path, convert, remedy))


def read_transfer(path: Path, remedy: str = "measure it again") -> TransferDocument:
    """Read a table of number formats of any schema; see `transfer`."""
    return cast(TransferDocument, _converted(path, old_schemas.transfer, remedy))


def _converted(path: Path, convert: Callable[[object], object], remedy: str) -> object:
    document = read_json(path)
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
    write_file(folder / "maps.safetensors", save(tensors, document))


def read_maps(model: str, folder: Path | None = None) -> "Maps | None":
    """Return the maps of a model, or None where there are none.

    Raises:
        SteeringError: If they are broken, or of another schema.
    """
    from safetensors.torch import load_file

    from steering.maps import model_maps

    path = (folder or folder_of(model)) / "maps.safetensors"
    if not _is_file(path):
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
    if not path.is_file():
        return None
    try:
        return map_points.read(path)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_remedy(model)}") from error


def recordings(model: str, folder: Path | None = None) -> tuple[Recording, ...]:
    """Return recorded example requests with every panel's answer; empty where there are none."""
    path = (folder or folder_of(model)) / "recordings.jsonl"
    if not _is_file(path):
        return ()
    try:
        # Not splitlines(), which also cuts at signs that may stand inside a text (U+2028).
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
        tensor_checks.require_recordings(lines)
        return tuple(cast(list[Recording], lines))
    except (OSError, ValueError) as error:
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
    write_file(path, (strict_json.dumps(document, indent=1) + "\n").encode())


def write_lines(path: Path, documents: Sequence[Mapping[str, object]]) -> None:
    """Write a JSONL file atomically."""
    lines = [strict_json.dumps(document) + "\n" for document in documents]
    write_file(path, "".join(lines).encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SteeringError: If the disk refuses; nothing is left behind.
    """
    temporary: str | None = None
    with disk_space.writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
            raise


def _assemble(document: Manifest, tensors: "Mapping[str, Tensor]") -> "Directions":
    from steering.interventions.directions import Directions, Inlp
    from steering.interventions.subspace import Subspace

    complete = document["schema"] == ARTIFACT_SCHEMA
    tensor_checks.require_manifest(document)
    tensor_checks.require_directions(document, tensors, complete=complete)
    inlp: dict[ExtractionPoint, Inlp] = {}
    for key, facts in document["inlp"].items():
        position, layer = _point(key)
        subspace = Subspace(tensors[f"inlp{key}"], layer, position, "INLP")
        inlp[position, layer] = Inlp(subspace, tuple(facts["dev_accuracies"]), facts["stopped"])
    return Directions(
        model=document["model"],
        difference=tensors["difference"],
        harmless_mean=tensors.get("harmless_mean"),
        positions=tuple(document["positions"]),
        inlp=inlp,
        dim_point=(document["dim_place"][0], document["dim_place"][1]),
        inlp_point=(document["inlp_place"][0], document["inlp_place"][1]),
        default_k=document["default_k"],
        default_c=document["default_c"],
        points=_points(document),
        imported=document.get("imported"),
        rendering=Rendering.of(document),
    )


def _points(document: Manifest) -> tuple[ExtractionPoint, ...] | None:
    points = document.get("places")
    return None if points is None else tuple((point[0], point[1]) for point in points)


def _is_complete(directions: "Directions") -> bool:
    known = (directions.harmless_mean is not None, directions.points is None)
    return all(known) and bool(directions.inlp)


def _beyond(directions: "Directions") -> ImportedFacts:
    """Return what only imported directions have to say."""
    found: ImportedFacts = {}
    if directions.points is not None:
        found["places"] = [list(point) for point in directions.points]
    if directions.imported is not None:
        found["imported"] = directions.imported
    return found


def _key(point: ExtractionPoint) -> str:
    return f"({point[0]},{point[1]})"


def _point(key: str) -> ExtractionPoint:
    position, layer = map(int, key.strip("()").split(","))
    return position, layer


def _remedy(model: str) -> str:
    return f"make them with `python -m steering precompute --quick --model {model}`"
