"""Find the directions that carry refusal in a chat model, and steer along them, live.

What a program needs is named here, and comes when it is first used: `import steering` by itself
imports neither torch nor NumPy.
"""

import importlib
from typing import TYPE_CHECKING, Final

from steering.system import cache_folders

if TYPE_CHECKING:
    from steering.errors import SteeringError
    from steering.inference.activations import capture
    from steering.inference.generation import generate
    from steering.inference.sampling import Sampling
    from steering.interventions.directions import Directions
    from steering.interventions.edits import compile_edits, intervene
    from steering.interventions.panel import Panel, parse
    from steering.interventions.subspace import Subspace
    from steering.library import compare, fit, load, load_directions

__version__ = "0.2.0"
__all__ = [
    "Directions",
    "Panel",
    "Sampling",
    "SteeringError",
    "Subspace",
    "__version__",
    "capture",
    "compare",
    "compile_edits",
    "fit",
    "generate",
    "intervene",
    "load",
    "load_directions",
    "parse",
]

_HOMES: Final = {
    "Directions": "steering.interventions.directions",
    "Panel": "steering.interventions.panel",
    "Sampling": "steering.inference.sampling",
    "SteeringError": "steering.errors",
    "Subspace": "steering.interventions.subspace",
    "capture": "steering.inference.activations",
    "compare": "steering.library",
    "compile_edits": "steering.interventions.edits",
    "fit": "steering.library",
    "generate": "steering.inference.generation",
    "intervene": "steering.interventions.edits",
    "load": "steering.library",
    "load_directions": "steering.library",
    "parse": "steering.interventions.panel",
}
"""Where each name comes from."""

cache_folders.prepare()  # before any package is imported that looks for its folder then

if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of these

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    """Name what is public as well, imported or not."""
    return sorted({*globals(), *__all__})
