"""Shapes and types checked at run time, in the modules of steering that name shapes.

Loaded by `--shapes` before anything imports steering. The checks make the tests a tenth slower, and
to wrap the functions of the other modules, which are left to mypy, another tenth (measured).
"""

from pathlib import Path

# jaxtyping's import hook keeps .pyc files of its own, and while it imports a module of steering it
# looks for them also for every library that this module imports: without any it compiles them all,
# some 2,000 files in each process (counted). Imported here, they come from their own .pyc files.
import beartype  # noqa: F401
import gguf  # noqa: F401
import gradio  # noqa: F401
import huggingface_hub  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.covariance
import sklearn.decomposition
import sklearn.linear_model
import sklearn.metrics  # noqa: F401
import transformers  # noqa: F401
from jaxtyping import install_import_hook

_ROOT = Path(__file__).parents[2]

SHAPED = sorted(
    ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    for path in (_ROOT / "steering").rglob("*.py")
    if "from jaxtyping import" in path.read_text()
)
"""Names of the modules that are checked."""

install_import_hook(SHAPED, "beartype.beartype")
