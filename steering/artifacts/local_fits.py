"""Where fits of this machine's own are kept: in the cache, never over the shipped files.

`cache_folder()/fitted/<model>/<number format>/` holds what `precompute --quick` makes, in the
layout of `precomputed/<model>/`. A fit belongs to the weights that it was made on: its manifest
holds their fingerprint.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from steering.sources.weights import cache_folder

MANIFEST = "manifest.json"
OWN = "precomputed"
"""Folder of a model's whole artifact, where `precompute` may not write into the package."""
IMPORTED = "imported-"
"""How the folders begin that `import` writes."""


def folder_name(model: str) -> str:
    """Return a model's name as a folder's; ids and paths become one name."""
    safe = "".join(c if c.isalnum() or c in "._-" else "--" for c in model.strip("/"))
    return safe.lower()[:200]  # a file name has 255 bytes at most


def root(model: str) -> Path:
    """Return the folder of all fits of a model."""
    return cache_folder() / "fitted" / folder_name(model)


def newest(model: str) -> Path | None:
    """Return the fit of a model that was written last, in any number format; None without one.

    What was imported comes after every fit of this machine, which has more in it.
    """
    found = [path for path in root(model).glob(f"*/{MANIFEST}") if path.is_file()]

    def rank(path: Path) -> tuple[bool, float]:
        return not path.parent.name.startswith(IMPORTED), path.stat().st_mtime

    return max(found, key=rank).parent if found else None


def models() -> tuple[str, ...]:
    """Return the names of the models that have a fit."""
    return named_in((cache_folder() / "fitted").glob(f"*/*/{MANIFEST}"))


def named_in(manifests: Iterable[Path]) -> tuple[str, ...]:
    """Return the names of models that manifests give; a folder's name is not always one."""
    names = {_read(path).get("model") for path in manifests}
    return tuple(sorted(name for name in names if isinstance(name, str)))


def matching(folder: Path, fingerprint: str) -> Path | None:
    """Return the folder if it holds a fit of these very weights, else None."""
    return folder if _read(folder / MANIFEST).get("fingerprint") == fingerprint else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
