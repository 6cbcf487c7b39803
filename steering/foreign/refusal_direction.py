"""Reads a folder that github.com/andyrdt/refusal_direction leaves.

Its `get_mean_activations` hooks a block's input and writes
mean_diffs[position, layer]; the last position of the template is -1. The same numbers as here.
"""

from pathlib import Path
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.foreign import foreign_files
from steering.foreign.foreign_vectors import Foreign, hashes, unknown_layout, vector_of
from steering.foreign.model_shape import Shape, other_depth, other_width
from steering.interventions.outline import ExtractionPoint
from steering.system import whole_files

_ROUNDING: Final = 1e-6
"""A difference below this share of the largest is rounding: at the first block's input the class
means are equal, and the published files have norms of 1e-17 to 1e-14 there (measured)."""
_SAME: Final = 1e-3
"""How far the chosen direction may be from its row of mean_diffs, relative to its norm."""


def read_folder(folder: Path, shape: Shape) -> Foreign:
    """Read the chosen direction, and the differences in means at all points where they are there.

    Raises:
        SteeringError: If a file is missing or broken, they do not fit the model, or the folder
            mixes two runs.
    """
    chosen, facts = folder / "direction.pt", folder / "direction_metadata.json"
    missing = [file.name for file in (chosen, facts) if not file.is_file()]
    if missing:
        raise unknown_layout(folder, f"a folder without {' and '.join(missing)}")
    point = _point(facts, shape)
    vector = vector_of(foreign_files.torch_file(chosen), shape, str(chosen))
    files = [chosen, facts]
    vectors, notes = {point: vector}, ["without mean_diffs.pt one point is known only"]
    everywhere: tuple[int, ...] = ()
    for table in (folder / "generate_directions" / "mean_diffs.pt", folder / "mean_diffs.pt"):
        if table.is_file():
            files.append(table)
            vectors, notes, everywhere = _mean_diffs(table, shape, point, vector)
            break
    return Foreign(
        "folder of refusal_direction",
        hashes(files),
        vectors,
        "mean over harmful minus mean over harmless prompts, as its layout has it: adding it "
        "induces refusal",
        point=point,
        placed=True,
        everywhere=everywhere,
        notes=(*notes, "its template had no system prompt; this model's own template may have one"),
    )


def _point(facts: Path, shape: Shape) -> ExtractionPoint:
    document = whole_files.read_json(facts)
    found = (document.get("pos"), document.get("layer")) if isinstance(document, dict) else ()
    if len(found) != 2 or any(type(number) is not int for number in found):
        raise SteeringError(f'{facts} does not say {{"pos": -1, "layer": 10}} with whole numbers')
    position, layer = int(found[0]), int(found[1])  # type: ignore[arg-type]
    if position >= 0:
        raise SteeringError(f"pos is {position} in {facts}; positions count from the end, from -1")
    if not 0 <= layer < shape.n_layers:
        raise other_depth(f"layer {layer} in {facts}", shape)
    return position, layer


def _mean_diffs(
    path: Path, shape: Shape, point: ExtractionPoint, chosen: Float[Tensor, " d_model"]
) -> tuple[dict[ExtractionPoint, Tensor], list[str], tuple[int, ...]]:
    table = foreign_files.torch_file(path)
    if not isinstance(table, Tensor) or table.ndim != 3 or not table.is_floating_point():
        raise SteeringError(f"{path} is no tensor of shape [position, layer, d_model]")
    if table.shape[1] != shape.n_layers:
        raise other_depth(f"{path} has {table.shape[1]} layers", shape)
    if table.shape[2] != shape.d_model:
        raise other_width(f"{path} has vectors of {table.shape[2]} numbers", shape)
    if not -table.shape[0] <= point[0]:
        raise SteeringError(f"{path} has {table.shape[0]} positions, so there is no {point[0]}")
    table = table.float()
    if not bool(table.isfinite().all()):
        raise SteeringError(f"{path} holds NaN or infinite numbers; it was not computed to its end")
    notes = _against(table[point], chosen, path)
    norms = table.norm(dim=-1)
    known = norms > _ROUNDING * norms.max()
    vectors = {
        (index - len(table), layer): table[index, layer].clone()
        for index, layer in known.nonzero().tolist()
    }
    if point not in vectors:
        raise SteeringError(
            f"the class means are equal at layer {point[1]}, position {point[0]} of {path}, so "
            "what is left there is rounding and no direction; name another point in "
            "direction_metadata.json"
        )
    if equal := sorted({layer for _, layer in (~known).nonzero().tolist()}):
        notes.append(f"the class means are equal at layer {', '.join(map(str, equal))}")
    return vectors | {point: chosen}, notes, tuple(range(-len(table), 0))


def _against(row: Tensor, chosen: Tensor, path: Path) -> list[str]:
    """Compare the chosen direction with its row of the table."""
    ratio = float(chosen.norm() / row.norm()) if bool(row.any()) else 0.0
    if ratio and float((row * ratio - chosen).norm()) <= _SAME * float(chosen.norm()):
        scaled = abs(ratio - 1) > _SAME
        return [f"direction.pt is {ratio:.4g} times its row of mean_diffs.pt"] if scaled else []
    cosine = torch.nn.functional.cosine_similarity(row, chosen, dim=0)
    raise SteeringError(
        f"direction.pt is not the row of {path} that direction_metadata.json names: their cosine "
        f"is {float(cosine):.3f}; the folder mixes two runs; take mean_diffs.pt away to import "
        "direction.pt alone"
    )
