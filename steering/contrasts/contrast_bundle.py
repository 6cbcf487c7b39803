"""A contrast as one file: a zip of safetensors and JSON with their SHA-256 sums, no pickle.

manifest.json, directions.safetensors, controls.safetensors and maps.safetensors are those of an
artifact (`artifacts.store`); contrast.json has the lists and what was found (`contrast_document`).
A command that takes a folder of directions takes the file as well: it is unpacked in the cache.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from steering.artifacts import archives, publishing, store
from steering.artifacts.controls_file import CONTROLS_FILE
from steering.artifacts.manifest_document import Manifest, ManifestFacts
from steering.errors import SteeringError
from steering.maps import map_points
from steering.sources.weights import cache_folder
from steering.system import disk_space, whole_files

if TYPE_CHECKING:
    from steering.contrasts.contrast_fit import Contrast
    from steering.models.chat_model import ChatModel

ENDING: Final = ".zip"
DOCUMENT: Final = "contrast.json"
"""Member with the lists and what was found; its presence tells a contrast from other archives."""
_MEMBERS: Final = (
    "manifest.json",
    "directions.safetensors",
    CONTROLS_FILE,
    map_points.FILE,
    DOCUMENT,
)
_AGAIN: Final = "copy it again, or fit it again with `python -m steering contrast`"


def require_place(path: Path) -> None:
    """Refuse a path that no bundle can be written to, before anything is fitted.

    Raises:
        SteeringError: Says why.
    """
    if path.suffix.lower() != ENDING:
        raise SteeringError(f"a contrast is kept as a {ENDING} file; {path} ends otherwise")
    if path.is_dir():
        raise SteeringError(f"{path} is a folder; give the name of a file")


def save(contrast: "Contrast", model: "ChatModel", path: Path) -> None:
    """Write a contrast as one file, whole or not at all.

    Args:
        contrast: What was fitted.
        model: The model that it was fitted on, which is named in it.
        path: Ends in `.zip`; a file that is there is replaced.

    Raises:
        SteeringError: If the path ends otherwise, or the disk refuses.
    """
    from steering.artifacts.provenance import fingerprint, provenance
    from steering.contrasts.contrast_document import document

    require_place(path)
    texts = contrast.texts
    facts = {
        **provenance(model, f"own contrast {' / '.join(texts.names)} sha256:{texts.digest}"),
        "fingerprint": fingerprint(model),
        "chosen": "by held-out accuracy, nearest to half the depth",
        "train": {"harmful": texts.size, "harmless": texts.size},
    }
    scratch = Path(tempfile.gettempdir(), path.name)
    with disk_space.writing(scratch), tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        store.write(folder, contrast.directions, cast(ManifestFacts, facts))
        store.write_maps(folder, contrast.maps)
        whole_files.write_json(folder / DOCUMENT, document(contrast))
        members = {name: (folder / name).read_bytes() for name in _MEMBERS}
    whole_files.write_file(path, archives.zipped(archives.summed(members)))


def load(
    path: Path,
    model: "ChatModel | str",
    *,
    root: Path | None = None,
    largest: int = archives.LARGEST,
) -> "Contrast":
    """Read a contrast.

    Args:
        path: What `save` wrote.
        model: The loaded model that it is for, whose weights are compared; or its name alone.
        root: Where it is unpacked; None for the cache.
        largest: Bytes that it may hold.

    Raises:
        SteeringError: If the file is damaged, of another version, or was fitted on another model.
    """
    from steering.contrasts import contrast_document as form
    from steering.contrasts.contrast_fit import Contrast

    name = model if isinstance(model, str) else model.name
    folder = folder_of(path, name, root=root, largest=largest)
    if not isinstance(model, str):
        require_weights(folder, model)
    found, maps = whole_files.read_json(folder / DOCUMENT), store.read_maps(name, folder)
    directions = store.load(name, folder)
    try:
        if maps is None:
            raise ValueError("it has no maps")  # noqa: TRY301 - said in one way with the others
        return Contrast(
            texts=form.read_lists(found),
            directions=directions,
            maps=maps,
            findings=form.read_findings(found),
            shortcuts=form.read_shortcuts(found),
            seconds=dict(found["seconds"]),
        )
    except SteeringError as error:
        raise SteeringError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); {_AGAIN}") from error


def folder_of(
    path: Path, model: str, *, root: Path | None = None, largest: int = archives.LARGEST
) -> Path:
    """Return the folder that holds what is in a bundle; it is unpacked if need be.

    Args:
        path: What `save` wrote.
        model: Name of the model that it is for.
        root: Where it is unpacked; None for the cache.
        largest: Bytes that it may hold.

    Raises:
        SteeringError: If the file is damaged, is no contrast, or was fitted on another model.
    """
    members = archives.unzipped(path, remedy=_AGAIN, largest=largest)
    if missing := [name for name in _MEMBERS if name not in members]:
        raise SteeringError(
            f"{path} is no contrast: it lacks {', '.join(missing)}; give a file that `python -m "
            "steering contrast` wrote, or take other directions in with `python -m steering import`"
        )
    key = hashlib.sha256(members[archives.SUMS]).hexdigest()[:24]
    folder = (root or cache_folder() / "contrasts") / key
    if not _holds(folder, members):
        with publishing.replacing(folder) as made:
            for name in _MEMBERS:
                whole_files.write_file(made / name, members[name])
    fitted = store.manifest(model, folder)["model"]
    if fitted != model:
        raise SteeringError(
            f"{path} holds a contrast that was fitted on {fitted}, and the model here is {model}; "
            f"take --model {fitted}, or fit it on this one with `python -m steering contrast "
            f"--model {model}`"
        )
    return folder


def require_weights(folder: Path, model: "ChatModel") -> None:
    """Refuse a contrast that was fitted on other weights of the same name.

    Other directions pass: how they belong to weights is for who made them to say.

    Args:
        folder: Of directions, a contrast or other ones.
        model: A loaded chat model.

    Raises:
        SteeringError: If the weights differ. In another number format they cannot be compared.
    """
    from steering.artifacts.provenance import fingerprint

    if not (folder / DOCUMENT).is_file():
        return
    manifest = store.manifest(model.name, folder)
    kind = (str(model.dtype).removeprefix("torch."), model.number_format.quantization)
    same_format = (manifest.get("dtype"), manifest.get("quantization")) == kind
    if _differ(manifest, model) or (
        same_format and manifest.get("fingerprint") != fingerprint(model)
    ):
        raise SteeringError(
            f"the contrast was fitted on other weights of {model.name} than are loaded; fit it "
            f"again with `python -m steering contrast --model {model.name}`"
        )


def _differ(manifest: Manifest, model: "ChatModel") -> bool:
    """Whether weights are named by SHA-256 or revision, and differently."""
    said = manifest.get("weights", {})
    pairs = [(said.get(name), model.provenance.get(name)) for name in ("sha256", "revision")]
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _holds(folder: Path, members: "dict[str, bytes]") -> bool:
    """Whether the members lie in a folder, to the last byte: a cache may be damaged as well."""
    try:
        return all((folder / name).read_bytes() == members[name] for name in _MEMBERS)
    except OSError:
        return False
