"""From what a person calls a model to a folder that loads without network.

A model is a name of the catalog, a hub repository `org/name`, a folder of safetensors, or a .gguf
file. Catalog models that come as GGUF are downloaded, verified and converted once. The result lies
under `cache_folder()/models`, and appears there in one rename when it is complete; `steering.json`
in it says what it was made of. Hub repositories lie in the hub's own cache.
"""

import difflib
import json
import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from steering import disk, hub
from steering.caches import cache_folder
from steering.catalog import catalog, find
from steering.conversion import convert, converter_versions
from steering.downloads import Download, obtain, sha256_of
from steering.errors import SteeringError
from steering.progress import Report, Step, silent

__all__ = ["Report", "Step", "Weights", "cache_folder", "cached", "fetch"]

_SCHEMA = 1
"""Version of the cached folder's layout; a folder of another one is made anew."""

_RECORD = "steering.json"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Weights:
    """A model's files on this machine.

    Attributes:
        name: Catalog name, hub repository, or the name of the folder or file.
        folder: Holds safetensors, config and tokenizer; `from_pretrained` loads it.
        source: Where they came from: "hub:...", "wheels:...", "folder" or "gguf file".
        sha256: Of the GGUF file they were converted from, else None.
        revision: Commit of the hub repository, where that is known.
    """

    name: str
    folder: Path
    source: str
    sha256: str | None
    revision: str | None


def fetch(model: str, *, report: Report | None = None) -> Weights:
    """Make the model's files available; what is there already needs neither network nor time.

    Args:
        model: Catalog name, hub repository `org/name`, folder of safetensors, or .gguf file.
        report: Is told the progress: bytes downloaded, verified and unpacked, steps converted.

    Raises:
        SteeringError: If the model is unknown, cannot be had from any of its sources, is broken, or
            does not fit on the disk.
    """
    report = report or silent
    if known := cached(model):
        return known
    entry, path = find(model), _local(model)
    if entry is not None and entry.gguf is not None:
        source = entry.gguf
        downloads = cache_folder() / "downloads" / entry.name

        def download() -> Download:
            return obtain(entry, downloads, report=report)

        weights = _converted(entry.name, source.sha256, download, report)
        shutil.rmtree(downloads, ignore_errors=True)
        return weights
    if entry is None and path is not None and path.is_dir():
        raise _incomplete_folder(path)
    if entry is None and path is not None:
        sha256 = sha256_of(path, report=report)
        return _converted(path.stem, sha256, lambda: Download(path, "gguf file", None), report)
    if entry is None and model.endswith(".gguf"):
        raise SteeringError(f"there is no file {model}; check the path of the .gguf file")
    require_known(model)
    repo, revision = (model, None) if entry is None else (str(entry.hub), entry.revision)
    found = hub.snapshot(repo, revision, report=report)
    return Weights(entry.name if entry else repo, found.folder, f"hub:{repo}", None, found.revision)


def cached(model: str) -> Weights | None:
    """The model's files if they are on this machine, complete; None otherwise.

    Asks no network. A .gguf file is read whole, since its SHA-256 is what it is kept under.
    """
    entry, path = find(model), _local(model)
    if entry is not None and entry.gguf is not None:
        return _read(_place(entry.name, entry.gguf.sha256), entry.name)
    if entry is None and path is not None and path.is_dir():
        complete = not hub.missing(path)
        return Weights(path.resolve().name, path, "folder", None, None) if complete else None
    if entry is None and path is not None:
        return _read(_place(path.stem, sha256_of(path, report=silent)), path.stem)
    repo, revision = (model, None) if entry is None else (str(entry.hub), entry.revision)
    if not _HUB_ID.fullmatch(repo) or (found := hub.local_snapshot(repo, revision)) is None:
        return None
    return Weights(entry.name if entry else repo, found.folder, f"hub:{repo}", None, found.revision)


def _converted(name: str, sha256: str, download: Callable[[], Download], report: Report) -> Weights:
    """Convert what `download` gives, once: by one process at a time, visible when complete."""
    place = _place(name, sha256)
    partial = place.with_name(f".{place.name}.partial")
    with _alone(place.name, report):
        if known := _read(place, name):
            return known  # another process made it while this one waited
        try:
            file = download()
            # What a killed process or a damaged disk left behind.
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)
            convert(file.path, partial, report=report)
            weights = Weights(name, place, file.source, sha256, file.revision)
            _seal(partial, weights)
            partial.replace(place)
        except OSError as error:
            if disk.is_full(error):
                raise disk.full(place, None) from error
            raise SteeringError(
                f"the model {name} could not be stored in {place.parent}: {error}"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return weights


def _local(model: str) -> Path | None:
    """The folder or .gguf file that the text names, if there is one."""
    if not model.strip():
        return None  # would be the current folder
    try:
        path = Path(model).expanduser()
        return path if path.is_dir() or (path.suffix == ".gguf" and path.is_file()) else None
    except (OSError, ValueError, RuntimeError):
        return None  # too long, unreadable, a null byte, an unknown user: not a path


def _place(name: str, sha256: str) -> Path:
    return cache_folder() / "models" / f"{name}-{sha256[:12]}"


@contextmanager
def _alone(name: str, report: Report) -> Generator[None]:
    """Keep other processes from making the same folder at the same time."""
    locks = cache_folder() / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(Step(f"Waiting for another process that fetches {name}", 0, 0, "step"))
            lock.acquire()
    except OSError as error:
        raise SteeringError(
            f"the cache folder {cache_folder()} cannot be written: {error}; name one that can in "
            "STEERING_CACHE"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _seal(folder: Path, weights: Weights) -> None:
    """Record what the folder was made of and how long its files are."""
    files = sorted(folder.iterdir())
    for path in files:
        path.chmod(0o644)  # others on this machine may share the cache; safetensors writes 0600
    record = {
        "schema": _SCHEMA,
        "name": weights.name,
        "source": weights.source,
        "sha256": weights.sha256,
        "revision": weights.revision,
        "converter": converter_versions(),
        "files": {path.name: path.stat().st_size for path in files},
    }
    (folder / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _read(folder: Path, name: str) -> Weights | None:
    """The converted folder if it is complete and of this schema."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        sizes = {file: (folder / file).stat().st_size for file in record["files"]}
        if record["schema"] != _SCHEMA or sizes != record["files"]:
            return None
        return Weights(name, folder, record["source"], record["sha256"], record["revision"])
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, KeyError):
        return None


def _incomplete_folder(path: Path) -> SteeringError:
    advice = ""
    if any(path.glob("*.bin")) or any(path.glob("*.pt")):
        advice = "; pickled weights (.bin, .pt) are never opened: convert them to safetensors"
    return SteeringError(
        f"the folder {path} cannot be loaded as a model: it has no "
        f"{', '.join(hub.missing(path))}{advice}"
    )


def require_known(model: str) -> None:
    """Refuse a text that names no model: not in the catalog, no hub id, no path.

    Raises:
        SteeringError: Names what is allowed, and the nearest name of the catalog.
    """
    named = find(model) or _local(model) or _HUB_ID.fullmatch(model) or model.endswith(".gguf")
    if not named:
        raise _unknown(model)


def _unknown(model: str) -> SteeringError:
    near = difflib.get_close_matches(model[:200].lower(), list(catalog()), n=1)
    return SteeringError(
        f"unknown model {model[:200]!r}; allowed are {', '.join(catalog())}, a hub repository "
        "(org/name), a folder of safetensors, or a .gguf file"
        + (f"; did you mean {near[0]}?" if near else "")
    )
