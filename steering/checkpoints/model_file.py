"""One file of a model folder: is it there, can it be read, is it what its name says?

Whatever a library would find out late, or not at all, is said here first and by the file's name:
pointers that a clone left in a file's place, dead links, empty and cut files, other formats under a
wrong name. Only the beginning or the header is read, never the weights.
"""

import codecs
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISDIR, S_ISREG
from typing import Any

from steering.errors import SteeringError

INDEX = "model.safetensors.index.json"
"""Says which shard holds which tensor, where the weights are in several files."""

_OPENING = 256
"""Bytes read to see what a file is; every pointer below says so within its first 64 (chosen)."""

_LARGEST_JSON = 256 << 20
"""Bytes; the largest tokenizers of today's models have some 35 million (chosen)."""

_LARGEST_HEADER = 100_000_000
"""Bytes of a safetensors header that its library accepts (safetensors, `MAX_HEADER_SIZE`)."""

_LFS = ("a Git LFS pointer, not the file itself", "run `git lfs pull` in that folder")
_PAGE = ("a web page, not the file itself", "download the file itself")
_MESSAGE = ("a server's error message, not the file itself", "download the file itself")

_STAND_INS: Mapping[bytes, tuple[str, str]] = {
    b"version https://git-lfs.github.com/spec/": _LFS,
    b"version https://hawser.github.com/spec/": _LFS,  # its name before version 1
    b"# xet version": (
        "a Git Xet pointer, not the file itself",
        "install git-xet and run `git lfs pull` in that folder, or download the file",
    ),
    b"/annex/objects/": ("a git-annex pointer, not the file itself", "run `git annex get` on it"),
    b"<!doctype": _PAGE,
    b"<html": _PAGE,
    b"entry not found": _MESSAGE,
    b"repository not found": _MESSAGE,
    b"invalid username or password": _MESSAGE,
    b"access to model ": _MESSAGE,
}
"""Beginning of the file in lower case: what it is, what to do."""

_FORMATS: Mapping[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive, as pickled weights of torch are",
    b"\x80\x02": "pickled data",
    b"\x80\x03": "pickled data",
    b"\x80\x04": "pickled data",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"{": "JSON",
}
"""Beginning of files that are sometimes renamed instead of converted."""


@dataclass(frozen=True)
class TensorFacts:
    """What a safetensors header says of one tensor.

    Attributes:
        dtype: As safetensors spells it, for example `BF16`.
        shape: Its sizes.
    """

    dtype: str
    shape: tuple[int, ...]


def opening(path: Path) -> bytes:
    """Return the first bytes of a file that is what its name says.

    Raises:
        SteeringError: Names the file: it is missing, a dead link, a folder, unreadable, empty, or
            a pointer or message in the file's place.
    """
    size = _size(path)
    try:
        with path.open("rb") as file:
            head = file.read(_OPENING)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not size or not head:
        raise SteeringError(f"{path} is empty; {again(path)}")
    beginning = head.lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower()
    for stand_in, (kind, remedy) in _STAND_INS.items():
        if beginning.startswith(stand_in):
            raise SteeringError(f"{path} is {kind}: {remedy}")
    return head


def json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that has to hold an object.

    Raises:
        SteeringError: Names the file: it is none of `opening()`'s files, no UTF-8, no JSON, or
            holds something else than an object.
    """
    head = opening(path)
    if head.startswith(codecs.BOM_UTF8):
        raise SteeringError(
            f"{path} begins with a byte order mark, which JSON must not; save it as plain UTF-8"
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head[:4]:
        raise SteeringError(f"{path} is no UTF-8 text (UTF-16, perhaps); save it as UTF-8")
    if path.stat().st_size > _LARGEST_JSON:
        raise SteeringError(f"{path} is too large for a JSON file of a model; {again(path)}")
    try:
        document = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SteeringError(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise SteeringError(f"{path} is no JSON ({error}); {again(path)}") from error
    if not isinstance(document, dict):
        raise SteeringError(
            f"{path} holds a JSON {type(document).__name__}, expected an object in braces; "
            f"{again(path)}"
        )
    return document


def text(path: Path) -> str:
    """Read a text file, such as a chat template.

    Raises:
        SteeringError: Names the file: it is none of `opening()`'s files, or no UTF-8.
    """
    opening(path)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SteeringError(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from error


def tensors(path: Path) -> dict[str, TensorFacts]:
    """Return what the header of a safetensors file says of its tensors, by name.

    Raises:
        SteeringError: Names the file: it is none of `opening()`'s files, no safetensors, or its
            length is not what its header says.
    """
    head, size = opening(path), _size(path)
    length = struct.unpack("<Q", head[:8])[0] if len(head) >= 8 else None
    if length is None or length > _LARGEST_HEADER or head[8:9] != b"{":
        kind = next((said for start, said in _FORMATS.items() if head.startswith(start)), None)
        raise SteeringError(
            f"{path} is no safetensors file{f' but {kind}' if kind else ''}; {again(path)}"
        )
    if 8 + length > size:
        raise SteeringError(
            f"{path} is cut: its header alone has {8 + length:,} bytes, the file {size:,}; "
            f"{again(path)}"
        )
    with path.open("rb") as file:
        file.seek(8)
        header = file.read(length)
    try:
        document = json.loads(header)
        document.pop("__metadata__", None)
        end = 8 + length + max((entry["data_offsets"][1] for entry in document.values()), default=0)
        found = {
            name: TensorFacts(str(entry["dtype"]), tuple(map(int, entry["shape"])))
            for name, entry in document.items()
        }
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise SteeringError(f"{path} has a broken header ({error!r}); {again(path)}") from error
    if end != size:
        said = "is cut" if size < end else "is longer than it should be"
        raise SteeringError(
            f"{path} {said}: its header says {end:,} bytes, it has {size:,}; {again(path)}"
        )
    return found


def weights(folder: Path) -> list[Path]:
    """Return the files of weights that are loaded from a folder, by name, each weight once.

    A folder may hold them twice: whole and in shards, or as the publisher's originals
    (`consolidated*`) beside those that transformers reads.

    Raises:
        SteeringError: If there is an index that cannot be read.
    """
    whole, index = folder / "model.safetensors", folder / INDEX
    if whole.is_file():
        return [whole]
    if index.is_file():
        return [folder / name for name in sorted(set(shards(index).values()))]
    found = sorted(folder.glob("*.safetensors"))
    return [path for path in found if not path.name.startswith("consolidated")]


def shards(index: Path) -> dict[str, str]:
    """Return which shard holds which tensor, as an index of safetensors says.

    Raises:
        SteeringError: Names the index: it is no JSON object with a `weight_map`, or names a file
            that is not below its own folder. Such a file is never opened.
    """
    found = json_object(index).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise SteeringError(f"{index} has no weight_map, an object that names a file per tensor")
    for tensor, shard in found.items():
        if not isinstance(shard, str) or not is_below(shard):
            raise SteeringError(
                f"{index} says that {tensor} is in {shard!r}, which is no file name below its own "
                "folder; it was not opened; get the index from whoever made the model"
            )
    return dict(found)


def is_below(name: str) -> bool:
    """Whether a relative path stays below the folder it starts in, on every operating system."""
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.anchor or path.drive or ".." in path.parts:
            return False
    return bool(name.strip()) and "\0" not in name


def again(path: Path) -> str:
    """What to do about a file that did not arrive whole."""
    for parent in path.parents:
        if parent.name == "snapshots" and parent.parent.name.startswith("models--"):
            # The hub's client takes a file that it has downloaded once for whole.
            return f"delete {parent.parent} and fetch the model again"
    return "copy or download it again"


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        if path.is_symlink() and isinstance(error, FileNotFoundError):
            raise SteeringError(
                f"{path} is a link to {path.readlink()}, which does not exist; copy the file "
                "itself there"
            ) from error
        raise _unreadable(path, error) from error
    if S_ISDIR(found.st_mode):
        raise SteeringError(f"{path} is a folder, expected a file")
    if not S_ISREG(found.st_mode):  # to open a pipe would wait for ever
        raise SteeringError(f"{path} is no regular file")
    return found.st_size


def _unreadable(path: Path, error: OSError) -> SteeringError:
    said = error.strerror or str(error)
    return SteeringError(f"{path} cannot be read: {said}; check its path and permissions")
