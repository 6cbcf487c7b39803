"""What the program is called by whoever started it: a command in a sentence can be typed."""

import sys
from pathlib import Path
from typing import Final

MODULE: Final = "python -m steering"
SCRIPT: Final = "refusal-steering"


def name() -> str:
    """Return how a command begins: by the script if that was started, else by the module.

    Where an installer keeps the package to itself (pipx, uv), only the script can be started.
    """
    started = Path(sys.argv[0]).stem if sys.argv else ""
    return SCRIPT if started == SCRIPT else MODULE


def named(sentence: str) -> str:
    """Return a sentence with its commands called as they are here."""
    return sentence.replace(f"{MODULE} ", f"{name()} ")
