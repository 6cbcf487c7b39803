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

from steering.checkpoints import checkpoint, gguf_header, other_formats
from steering.errors import SteeringError
from steering.sources import hub
from steering.sources.catalog import catalog, find
from steering.sources.gguf_conversion import convert, converter_versions
from steering.sources.gguf_download import Download, obtain, sha256_of
from steering.system import disk_space
from steering.system.cache_folders import cache_folder
from steering.system.progress import Report, Step, silent

__all__ = ["Report", "Step", "Weights", "cache_folder", "cached", "fetch"]

_SCHEMA = 1
"""Version of the cached folder's layout; a folder of another one is made anew."""

_RECORD = "steering.json"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_HUB_ADDRESS = re.compile(
    r"(?:(?:hf://|(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?/)(?:models/)?"
    r"(?P<there>(?!datasets/|spaces/)[\w.-]+/[\w.-]+)(?P<rest>[/:?#@].*)?"
    r"|(?P<repo>[\w.-]+/[\w.-]+)(?:[:@].*|/))"
)
"""Ways of writing a repository that its pages, mirrors and other programs use."""


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
        report: Progress callback: bytes downloaded, verified and unpacked, steps converted.

    Raises:
        SteeringError: If the model is unknown, cannot be had from any of its sources, is broken, or
            does not fit on the disk.
    """
    report = report or silent
    entry, path = find(model), _local(model)
    if entry is None and path is not None:
        _check(path)  # before a file is read whole
        if path.is_dir():
            return Weights(path.resolve().name, path, "folder", None, None)
    if known := cached(model):
        return _checked(known)
    if entry is not None and entry.gguf is not None:
        source = entry.gguf
        downloads = cache_folder() / "downloads" / entry.name

        def download() -> Download:
            return obtain(entry, downloads, report=report)

        weights = _converted(entry.name, source.sha256, download, report)
        shutil.rmtree(downloads, ignore_errors=True)
        return weights
    if entry is None and path is not None:
        sha256 = sha256_of(path, report=report)
        return _converted(path.stem, sha256, lambda: Download(path, "gguf file", None), report)
    require_known(model)
    repo, revision = (model, None) if entry is None else (str(entry.hub), entry.revision)
    found = hub.snapshot(repo, revision, report=report)
    name = entry.name if entry else repo
    return _checked(Weights(name, found.folder, f"hub:{repo}", None, found.revision))


def _checked(found: Weights) -> Weights:
    if found.sha256 is None:  # what was converted here was checked then
        checkpoint.check(found.folder)
    return found


def cached(model: str) -> Weights | None:
    """The model's files if they are on this machine, complete; None otherwise.

    Asks no network. A .gguf file is read whole, since its SHA-256 is what it is kept under.
    """
    entry, path = find(model), _local(model)
    if entry is not None and entry.gguf is not None:
        return _read(_kept_in(entry.name, entry.gguf.sha256), entry.name)
    if entry is None and path is not None and path.is_dir():
        complete = not hub.missing(path)
        return Weights(path.resolve().name, path, "folder", None, None) if complete else None
    if entry is None and path is not None:
        # A dead link is no file.
        sha256 = sha256_of(path, report=silent) if path.is_file() else ""
        return _read(_kept_in(path.stem, sha256), path.stem) if sha256 else None
    repo, revision = (model, None) if entry is None else (str(entry.hub), entry.revision)
    if not _HUB_ID.fullmatch(repo) or (found := hub.local_snapshot(repo, revision)) is None:
        return None
    return Weights(entry.name if entry else repo, found.folder, f"hub:{repo}", None, found.revision)


def _converted(name: str, sha256: str, download: Callable[[], Download], report: Report) -> Weights:
    """Convert what `download` gives, once: by one process at a time, visible when complete."""
    folder = _kept_in(name, sha256)
    partial = folder.with_name(f".{folder.name}.partial")
    with _alone(folder.name, report):
        if known := _read(folder, name):
            return known  # another process made it while this one waited
        try:
            file = download()
            # What a killed process or a damaged disk left behind.
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            convert(file.path, partial, report=report)
            weights = Weights(name, folder, file.source, sha256, file.revision)
            _seal(partial, weights)
            partial.replace(folder)
        except OSError as error:
            if disk_space.is_full(error):
                raise disk_space.full(folder, None) from error
            raise SteeringError(
                f"the model {name} could not be stored in {folder.parent}: {error}"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return weights


def _local(model: str) -> Path | None:
    """The folder or .gguf file that the text names, if there is one."""
    path = _existing(model)
    return path if path and (path.is_dir() or path.suffix.lower() == ".gguf") else None


def _existing(model: str) -> Path | None:
    """What lies where the text points to, dead links among it, if it is a path at all."""
    if not model.strip():
        return None  # would be the current folder
    try:
        path = Path(model).expanduser()
        return path if path.exists() or path.is_symlink() else None
    except (OSError, ValueError, RuntimeError):
        return None  # too long, unreadable, a null byte, an unknown user: not a path


def _kept_in(name: str, sha256: str) -> Path:
    return cache_folder() / "models" / f"{name}-{sha256[:12]}"


@contextmanager
def _alone(name: str, report: Report) -> Generator[None]:
    """Keep other processes from making the same folder at the same time."""
    locks = cache_folder() / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock", mode=0o664)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(Step(f"Waiting for another process that fetches {name}", 0, 0, "step"))
            lock.acquire()
    except OSError as error:
        if disk_space.is_full(error):
            raise disk_space.full(locks, None) from error
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
    except (OSError, ValueError, KeyError, TypeError):
        return None


def require_known(model: str) -> None:
    """Refuse a text that names no model: not in the catalog, no hub id, no path to a model.

    Raises:
        SteeringError: Names what is allowed, and the nearest name of the catalog; or says what the
            folder or file is that the text names.
    """
    if find(model):
        return
    if path := _local(model):
        _check(path)
        return
    if path := _existing(model):
        other_formats.refuse_file(path)
    if model.lower().endswith(".gguf") and "://" not in model:
        raise SteeringError(f"there is no file {model}; check the path of the .gguf file")
    if not _HUB_ID.fullmatch(model):
        raise _misspelt(model) or _unknown(model)


def _check(path: Path) -> None:
    (checkpoint if path.is_dir() else gguf_header).check(path)


def _misspelt(model: str) -> SteeringError | None:
    """The error for an address or another way of writing a hub repository; None for what is not."""
    found = _HUB_ADDRESS.fullmatch(model.strip()[:1000])
    repo = found and (found["there"] or found["repo"])
    if not found or not repo or not _HUB_ID.fullmatch(repo):
        return None
    if (found["rest"] or "").lower().endswith(".gguf"):
        return SteeringError(f"{model} is an address; download that file and give its path")
    return SteeringError(f"{model!r} is no model's name; give its hub repository: {repo}")


def _unknown(model: str) -> SteeringError:
    near = difflib.get_close_matches(model[:200].lower(), list(catalog()), n=1)
    return SteeringError(
        f"unknown model {model[:200]!r}; allowed are {', '.join(catalog())}, a hub repository "
        "(org/name), a folder of safetensors, or a .gguf file"
        + (f"; did you mean {near[0]}?" if near else "")
    )
