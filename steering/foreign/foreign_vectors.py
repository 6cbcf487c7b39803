"""Vectors that other programs found, as they are handed on here, and what each has to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.foreign.model_shape import Shape, other_width
from steering.interventions.outline import ExtractionPoint
from steering.sources.gguf_download import sha256_of
from steering.system.progress import silent

Numbers = Literal["outputs", "inputs"]
"""What a layer's number in a file without such a convention means: a block's output or input."""
UNPLACED: Final = -1
"""Template position under which vectors stand that belong to no position."""


@dataclass(frozen=True, eq=False)
class Foreign:
    """Directions as they were found in a file, in the numbering used here.

    Attributes:
        form: The layout, in words.
        files: SHA-256 by file name.
        vectors: By (position, block input), float32; no zero, no NaN.
        sign: What is known of the sign.
        point: The point that its maker chose; None where nothing says.
        placed: Whether the template positions are known; else all stand under `UNPLACED`.
        everywhere: Positions, where every layer of each was looked at; what is not in `vectors` has
            equal class means there.
        notes: What a user has to know.
    """

    form: str
    files: Mapping[str, str]
    vectors: Mapping[ExtractionPoint, Float[Tensor, " d_model"]]
    sign: str
    point: ExtractionPoint | None = None
    placed: bool = False
    everywhere: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default=())


def vector_of(tensor: Any, shape: Shape, what: str) -> Float[Tensor, " d_model"]:  # noqa: ANN401
    """Return what was read as a vector in float32.

    Raises:
        SteeringError: If it is none of decimal numbers, of another width, zero or not finite.
    """
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise SteeringError(f"{what} is no tensor of decimal numbers, but {_kind(tensor)}")
    if tensor.numel() != max(tensor.shape, default=0) or tensor.numel() != shape.d_model:
        raise other_width(f"{what} has the shape {list(tensor.shape)}", shape)
    vector = tensor.detach().flatten().float().clone()
    if not bool(vector.isfinite().all()):
        raise SteeringError(f"{what} holds NaN or infinite numbers; it cannot be used")
    if not bool(vector.any()):
        raise SteeringError(f"{what} is zero, which is no direction; it cannot be used")
    return vector


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def unknown_layout(path: Path, found: str) -> SteeringError:
    """Return the error for what is not known; it says what is."""
    return SteeringError(
        f"{path} has no layout that is known here: {found}; known are a folder of "
        "refusal_direction (direction.pt and direction_metadata.json), a .gguf control vector, "
        "tensors by layer in .safetensors or .pt, and what `export` and `precompute` write"
    )


def hashes(files: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by their names."""
    return {file.name: sha256_of(file, report=silent) for file in files}
