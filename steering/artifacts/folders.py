"""Where the artifact of a model lies: shipped with the program, or made on this machine.

A checkout has what is shipped and what its owner makes in one folder, `precomputed/`. An installed
package is replaced by its next version and may be read-only: what is made there lies in the cache,
and comes before what is shipped.
"""

from pathlib import Path
from typing import Final

from steering.artifacts import local_fits
from steering.shipped import INSTALLED as INSTALLED
from steering.shipped import PRECOMPUTED

ROOT: Final = PRECOMPUTED


def shipped(model: str) -> Path:
    """Return where the shipped artifact of a model lies, or would lie."""
    return ROOT / local_fits.folder_name(model)


def made(model: str) -> Path:
    """Return where `precompute` writes the artifact of a model."""
    return local_fits.root(model) / local_fits.OWN if INSTALLED else shipped(model)


def folder_of(model: str) -> Path:
    """Return where the artifact of a model lies.

    The one that was made, else the shipped one, else the newest fit in the cache; where there is
    none, the folder of a shipped one.
    """
    for folder in (made(model), shipped(model)):
        if is_file(folder / local_fits.MANIFEST):
            return folder
    return local_fits.newest(model) or shipped(model)


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that no file can have names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def available() -> tuple[str, ...]:
    """Return the names of the models whose artifact is shipped, or was made in a checkout."""
    return local_fits.named_in(ROOT.glob(f"*/{local_fits.MANIFEST}"))
