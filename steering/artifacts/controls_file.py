"""`controls.safetensors`: what the controls of directions need, beside the directions.

For every point (p,l) that was chosen: `mean(p,l)` [d_model], `spread(p,l)` [axis, d_model] and
`rest(p,l)` [1] say where the states of all training prompts lie (`controls.StateShape`), and
`shuffled(p,l)S` [rank, d_model] holds what INLP found on the labels shuffled with seed S. All are
float32. The metadata `directions_sha256` names the directions.safetensors that they go with.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from safetensors import safe_open

from steering.artifacts import class_fits
from steering.interventions.outline import ExtractionPoint
from steering.system import whole_files

if TYPE_CHECKING:
    from steering.interventions.controls import Controls

CONTROLS_FILE: Final = "controls.safetensors"


def write(folder: Path, controls: "Controls", directions_sha256: str) -> None:
    """Write the controls of the directions whose file has this SHA-256, atomically."""
    from safetensors.torch import save

    metadata = {"directions_sha256": directions_sha256}
    whole_files.write_file(folder / CONTROLS_FILE, save(controls.tensors(), metadata))


def points(folder: Path, directions_sha256: str) -> tuple[ExtractionPoint, ...]:
    """Return where the covariance of the states is stored, without torch; mostly nowhere.

    Raises:
        OSError, SafetensorError, ValueError: If the file is broken.
    """
    path = folder / CONTROLS_FILE
    if not path.is_file():
        return ()
    with safe_open(path, "numpy") as file:
        if (file.metadata() or {}).get("directions_sha256") != directions_sha256:
            return ()
        names = file.keys()
    means = (name.removeprefix("mean") for name in names if name.startswith("mean"))
    return tuple(sorted(class_fits.point(name) for name in means))


def read(folder: Path, directions_sha256: str) -> "Controls | None":
    """Return the controls of these directions; None where there are none, or others' only.

    Raises:
        KeyError, OSError, SafetensorError, ValueError: If the file is broken.
    """
    from safetensors.torch import load_file

    from steering.interventions import tensor_checks
    from steering.interventions.controls import Controls

    path = folder / CONTROLS_FILE
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        if (file.metadata() or {}).get("directions_sha256") != directions_sha256:
            return None
    tensors = load_file(path)
    d_model = tensors[min(name for name in tensors if name.startswith("mean"))].shape[0]
    for name, tensor in tensors.items():
        shapes = {"mean": (d_model,), "rest": (1,)}
        tensor_checks.require_tensor(
            name, tensor, shape=shapes.get(name.partition("(")[0], (None, d_model))
        )
    return Controls.from_tensors(tensors)
