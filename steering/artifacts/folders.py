"""Where the artifact of a model lies: shipped with the program, or fitted on this machine."""

from pathlib import Path
from typing import Final

from steering.artifacts import local_fits
from steering.shipped import PRECOMPUTED

ROOT: Final = PRECOMPUTED


def shipped(model: str, root: Path = ROOT) -> Path:
    """Return where the shipped artifact of a model lies, or would lie."""
    return root / local_fits.folder_name(model)


def folder_of(model: str, root: Path = ROOT) -> Path:
    """Return where the artifact of a model lies: the shipped one, else the newest fit in the cache.

    Where there is neither, the folder of a shipped one.
    """
    found = shipped(model, root)
    if is_file(found / local_fits.MANIFEST):
        return found
    return local_fits.newest(model) or found


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that no file can have names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def available(root: Path = ROOT) -> tuple[str, ...]:
    """Return the names of the models that have directions."""
    return tuple(sorted(file.parent.name for file in root.glob("*/manifest.json")))
