"""Folders that may be written, wherever this runs: also without a home, as containers often do.

A container may give the process any user id, no HOME and read-only packages. Then the hub's client
would make a folder named `~`, and numba, which UMAP needs, would not even be imported.
"""

import importlib.util
import os
import sys
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_NAME: Final = "refusal-steering-playground"
_OTHERS: Final = {
    "HF_HOME": ("huggingface", ".cache/huggingface"),
    "MPLCONFIGDIR": ("matplotlib", ".config/matplotlib"),
    "TORCH_HOME": ("torch", ".cache/torch"),
    "TRITON_CACHE_DIR": ("triton", ".triton"),
}
"""Variables that move other packages' folders, with their folder here and where it is by default,
below the home."""


def cache_folder() -> Path:
    """Where converted models are kept: STEERING_CACHE, else below the user's cache folder.

    Where that cannot be, a folder of this user among the temporary ones: it may be gone tomorrow,
    but everything works today.
    """
    if chosen := os.environ.get("STEERING_CACHE"):
        with suppress(RuntimeError):  # `~` of a user without a home
            return Path(chosen).expanduser().absolute()
        return Path(chosen).absolute()
    base = _user_cache()
    if base is not None and _is_usable(base / _NAME):
        return base / _NAME
    return _temporary()


def prepare(environment: MutableMapping[str, str] | None = None) -> None:
    """Point other packages to folders that may be written, where their own may not be.

    What is set is left alone, and so is everything on a usual machine. Must run before these
    packages are imported.

    Args:
        environment: Is changed; None for that of this process.
    """
    found = os.environ if environment is None else environment
    home = _home()
    for name, (folder, default) in _OTHERS.items():
        # Hugging Face and matplotlib follow XDG_CACHE_HOME and XDG_CONFIG_HOME as well.
        moved = found.get(name) or found.get(f"XDG_{default.split('/')[0][1:].upper()}_HOME")
        if not moved and not (home and _is_usable(home / default)):
            found[name] = str(cache_folder() / folder)


def prepare_numba(package: str = "umap") -> None:
    """Give numba a folder for what it compiles where it would find none; before its import.

    By itself it writes beside the package that it compiles, else below the home, else not at all:
    then the import fails.

    Args:
        package: The package whose functions are compiled.
    """
    spec = importlib.util.find_spec(package)
    beside = list(spec.submodule_search_locations or ()) if spec else []
    home = _user_cache()
    if any(os.access(folder, os.W_OK) for folder in beside) or (home and _is_writable(home)):
        return
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))
    with suppress(OSError):  # numba itself says so, if it minds
        Path(os.environ["NUMBA_CACHE_DIR"]).mkdir(parents=True, exist_ok=True)


def _home() -> Path | None:
    with suppress(RuntimeError):  # no HOME, and a user id that nobody knows
        return Path.home()
    return None


def _user_cache() -> Path | None:
    home = _home()
    if sys.platform == "win32":
        named, below = os.environ.get("LOCALAPPDATA"), "AppData/Local"
    elif sys.platform == "darwin":
        named, below = None, "Library/Caches"
    else:
        named, below = os.environ.get("XDG_CACHE_HOME"), ".cache"
    return Path(named) if named else home / below if home else None


def _is_usable(folder: Path) -> bool:
    """Whether a folder is there, perhaps filled and read-only, or can be made."""
    return _is_writable(folder) or (folder.is_absolute() and _is_there(folder))


def _is_writable(folder: Path) -> bool:
    """Whether something can be written into a folder, which is made if need be."""
    if not folder.is_absolute():
        return False
    nearest = next(each for each in (folder, *folder.parents) if _is_there(each))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _is_there(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError:  # below a folder that may not be looked into
        return False


@cache
def _temporary() -> Path:
    """Return this user's folder among the temporary ones; one of somebody else is not trusted."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"{_NAME}-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = not hasattr(os, "getuid") or folder.lstat().st_uid == user
    except OSError:
        mine = False
    if mine and not folder.is_symlink() and os.access(folder, os.W_OK):
        return folder
    return Path(tempfile.mkdtemp(prefix=f"{_NAME}-"))
