"""Room on the disk: asked for before a download, and explained when it runs out on the way."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from steering.errors import SteeringError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_ON_WINDOWS = (39, 112, 1295)
"""ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED (winerror.h)."""

_NUMBERED = re.compile(r"(os error|errno|winerror) (\d+)", re.IGNORECASE)
"""How Rust (safetensors, tokenizers, the hub's storage client) and Python write a system error.

The words before the number are in the language of the system on Windows, so the number counts."""

_WORDS = (
    "no space left on device",
    "disk quota exceeded",  # glibc
    "disc quota exceeded",  # macOS, BSD
    "not enough space on the disk",  # Windows
    "database or disk is full",  # SQLite
)


def is_full(error: BaseException) -> bool:
    """Whether the error, or one that it was raised from, says that the disk or quota is full.

    Some libraries report it in words only, so the text counts as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and (
            cause.errno in _FULL or getattr(cause, "winerror", None) in _FULL_ON_WINDOWS
        ):
            return True
        if says_full(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def says_full(text: str) -> bool:
    """Whether a library's or another process's message says that the disk or quota is full."""
    lowered = text.lower()
    if any(words in lowered for words in _WORDS):
        return True
    windows = sys.platform == "win32"
    # Rust gives Windows' own numbers there: its 28 and 122 are other errors.
    own = _FULL_ON_WINDOWS if windows else _FULL
    codes = {"os error": own, "winerror": _FULL_ON_WINDOWS, "errno": _FULL}
    return any(int(number) in codes[kind] for kind, number in _NUMBERED.findall(lowered))


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Explain what the disk refuses while a file of ours is written.

    Args:
        path: The file.

    Raises:
        SteeringError: In place of an OSError: there is no room, or what else stands against it.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full(path.parent, None, what=path.name) from error
        raise SteeringError(
            f"{path} could not be written: {error}; check the folder and its write permission, or "
            "name another (STEERING_CACHE for what is cached)"
        ) from error


def require(folder: Path, needed: int) -> None:
    """Make sure that `needed` bytes more fit on the disk of `folder`.

    Args:
        folder: Where they should be written; it or one of its parents exists.
        needed: Bytes.

    Raises:
        SteeringError: If fewer are free.
    """
    if shutil.disk_usage(_existing(folder)).free < needed:
        raise full(folder, needed)


def full(folder: Path, needed: int | None, *, what: str = "the model's files") -> SteeringError:
    """The error for a full disk: how much is needed and free, and what to do.

    Args:
        folder: Where it should be written; it or one of its parents exists.
        needed: Bytes, None where that is not known.
        what: Was to be written.
    """
    existing = _existing(folder)
    free = shutil.disk_usage(existing).free
    wanted = "more bytes are" if needed is None else f"{needed:,} bytes are"
    # A quota may be spent while the disk still has room.
    return SteeringError(
        f"no disk space for {what} in {existing}: {wanted} needed, {free:,} bytes are free on the "
        "disk, or fewer where a quota holds; make room there, or name a folder on a larger disk "
        "(in STEERING_CACHE for weights and unfinished work)"
    )


def size_of(folder: Path) -> int:
    """Bytes of all files under `folder`, 0 if there is none; links count as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):  # passes over folders that vanish meanwhile
        for name in names:
            path = Path(parent, name)
            # A downloader may rename a file between the two calls.
            with suppress(FileNotFoundError):
                total += 0 if path.is_symlink() else path.stat().st_size
    return total


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())
