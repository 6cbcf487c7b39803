"""Takes directions of this project back: a folder that it wrote, or an exported archive."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from steering.artifacts import store
from steering.artifacts.manifest_document import ManifestFacts
from steering.errors import SteeringError
from steering.foreign.foreign_files import start_of
from steering.foreign.model_shape import Shape
from steering.interventions.directions import Directions

_OWN: Final = ("manifest.json", "directions.safetensors")
_LARGEST: Final = 4_000_000_000
"""Bytes that a member of an archive may have (chosen: far above any model's directions)."""
_COMPUTED: Final = (
    *("schema", "model", "positions", "dim_place", "inlp_place", "default_k", "default_c"),
    *(
        "inlp",
        "places",
        "imported",
        "classes",
        "opener_table",
        "nullspace_start",
        "class_names",
        "directions_sha256",
    ),
)
"""What `directions_file.manifest` says of directions itself."""


@contextmanager
def own_folder(path: Path) -> Iterator[Path | None]:
    """Give the folder of an artifact: the path itself, or what an exported archive holds.

    None where it is neither.

    Raises:
        SteeringError: If the archive is broken.
    """
    if path.is_dir():
        yield path if all((path / name).is_file() for name in _OWN) else None
        return
    if not path.is_file() or not start_of(path).startswith(b"PK\x03\x04"):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        # torch's own files are archives as well; only ours has a manifest.
        yield Path(folder) if _unpacked(path, Path(folder)) else None


def _unpacked(path: Path, folder: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if not all(name in names for name in _OWN):
                return False
            for name in (*_OWN, "maps.safetensors"):
                if name not in names:
                    continue
                if archive.getinfo(name).file_size > _LARGEST:
                    raise SteeringError(f"{name} in {path} is larger than any model's directions")
                with archive.open(name) as member, (folder / name).open("wb") as file:
                    shutil.copyfileobj(member, file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
        raise SteeringError(f"{path} is no whole archive: {error}; copy it again") from error
    return True


def taken_back(
    own: Path, shape: Shape
) -> tuple[Directions, ManifestFacts, tuple[str, ...], bytes | None]:
    """Return directions of this project as they were exported.

    Returns:
        The directions; what their maker says of them; what a user has to know; the file of their
        maps, where there are any and they were fitted on this model.

    Raises:
        SteeringError: If they are broken, or do not fit the model.
    """
    said, found = store.manifest(shape.model, own), store.load(shape.model, own)
    found.require(shape.model, n_layers=shape.n_layers, d_model=shape.d_model)
    other = found.model != shape.model
    notes = (f"they were fitted on {found.model}; the width fits",) if other else ()
    kept = cast(
        ManifestFacts, {name: value for name, value in said.items() if name not in _COMPUTED}
    )
    maps = own / "maps.safetensors"
    content = None
    if maps.is_file() and not other:
        store.read_maps(shape.model, own)  # broken ones are told now
        content = maps.read_bytes()
    return replace(found, model=shape.model), kept, notes, content
