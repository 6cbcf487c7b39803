"""Where the files are that come with the program: the page's assets and precomputed directions."""

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
_CHECKOUT: Final = PACKAGE.parent


def _folder(name: str) -> Path:
    # A wheel carries the folder inside the package; a checkout has it at its top level.
    inside = PACKAGE / name
    return inside if inside.is_dir() else _CHECKOUT / name


ASSETS: Final = _folder("assets")
PRECOMPUTED: Final = _folder("precomputed")
INSTALLED: Final = ASSETS.parent == PACKAGE
"""Whether there is no checkout around the program: what is written into a package is lost with its
next version, and often may not be written at all."""
