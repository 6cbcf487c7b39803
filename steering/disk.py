"""Room on the disk: asked for before a download, and explained when it runs out on the way."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from steering.errors import SteeringError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException) -> bool:
    """Whether the error, or one that it was raised from, says that the disk or quota is full.

    Some libraries report it in words only, so the text counts as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        if "No space left on device" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


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


def full(folder: Path, needed: int | None) -> SteeringError:
    """The error for a full disk: how much is needed and free, and what to do.

    Args:
        folder: Where it should be written; it or one of its parents exists.
        needed: Bytes, None where that is not known.
    """
    place = _existing(folder)
    free = shutil.disk_usage(place).free
    wanted = "more bytes are" if needed is None else f"{needed:,} bytes are"
    return SteeringError(
        f"no disk space for the model's files in {place}: {wanted} needed, {free:,} bytes are "
        "free; make room there, or name a folder on a larger disk in STEERING_CACHE"
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
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
