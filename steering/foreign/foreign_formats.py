"""Directions that other programs found, read from the layouts in which they leave them.

Layer l here is the INPUT of block l. The others count thus (looked up in their code):

- github.com/andyrdt/refusal_direction: `get_mean_activations` hooks a block's input and writes
  mean_diffs[position, layer]; the last position of the template is -1. The same numbers as here.
- vgel/repeng: `batched_get_hiddens` reads hidden_states[N + 1] and `ControlModule` adds
  direction N to what block N gives out. That is the input of block N + 1.
- llama.cpp: `build_cvec(cur, il)` adds `direction.il` at the end of block il, the same; 0 is not
  allowed. Its own cvector-generator calls what block N gives out `direction.N+1`: measured one
  block before the point where llama.cpp adds it. Files are read as they are used, not as measured.
- steering-vectors: `layer_activations[N]` is read from and added to the output of block N, for the
  layer type "decoder_block". Other layer types are not the residual stream. The library has no
  function that saves; people save the dictionary.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.foreign import foreign_files
from steering.interventions.directions import ExtractionPoint
from steering.sources.gguf_download import sha256_of
from steering.system import whole_files
from steering.system.progress import silent

Numbers = Literal["outputs", "inputs"]
"""What a layer's number in a file without such a convention means: a block's output or input."""
UNPLACED: Final = -1
"""Template position under which vectors stand that belong to no position."""
_ROUNDING: Final = 1e-6
"""A difference below this share of the largest is rounding: at the first block's input the class
means are equal, and the published files have norms of 1e-17 to 1e-14 there (measured)."""
_SAME: Final = 1e-3
"""How far the chosen direction may be from its row of mean_diffs, relative to its norm."""
_NUMBERED: Final = re.compile(
    r"(?:layer_activations\.|directions?\.|layers?[._]|blocks?[._])?(-?\d{1,4})"
)
_HOOKED: Final = re.compile(r"blocks\.(\d{1,4})\.hook_resid_(pre|post)")
"""TransformerLens' names of a block's input and output."""


@dataclass(frozen=True)
class Shape:
    """The model that the directions are for.

    Attributes:
        model: Its name.
        n_layers: Number of its decoder blocks.
        d_model: Width of its residual stream.
    """

    model: str
    n_layers: int
    d_model: int


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


_POSITIVE = (
    "it points towards the class that its maker called positive; whether adding it induces refusal "
    "cannot be seen from the file"
)


def read(
    path: Path, shape: Shape, *, numbers: Numbers = "outputs", layer: int | None = None
) -> Foreign:
    """Read directions of another program.

    Args:
        path: A folder of refusal_direction, or a .gguf, .safetensors or .pt file.
        shape: The model they have to fit.
        numbers: What layers' numbers mean in files that carry no convention of their own.
        layer: Block input of a bare vector, which does not say where it belongs.

    Raises:
        SteeringError: If the layout is unknown, the file is broken or a pickle, or the vectors do
            not fit the model, are zero or not finite.
    """
    if path.is_dir():
        return _refusal_direction(path, shape)
    if not path.is_file():
        raise SteeringError(f"there is no file or folder {path}; check the path")
    if path.name == "direction.pt" and (path.parent / "direction_metadata.json").is_file():
        return _refusal_direction(path.parent, shape)
    if foreign_files.start_of(path).startswith(b"GGUF"):
        return _control_vector(path, shape)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown(path, f"a file that ends in {path.suffix or 'nothing'}")
    return reader(path, shape, numbers, layer)


def _refusal_direction(folder: Path, shape: Shape) -> Foreign:
    chosen, facts = folder / "direction.pt", folder / "direction_metadata.json"
    missing = [file.name for file in (chosen, facts) if not file.is_file()]
    if missing:
        raise _unknown(folder, f"a folder without {' and '.join(missing)}")
    point = _point(facts, shape)
    vector = _vector(foreign_files.torch_file(chosen), shape, str(chosen))
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
        _hashes(files),
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
        raise _other_depth(f"layer {layer} in {facts}", shape)
    return position, layer


def _mean_diffs(
    path: Path, shape: Shape, point: ExtractionPoint, chosen: Float[Tensor, " d_model"]
) -> tuple[dict[ExtractionPoint, Tensor], list[str], tuple[int, ...]]:
    table = foreign_files.torch_file(path)
    if not isinstance(table, Tensor) or table.ndim != 3 or not table.is_floating_point():
        raise SteeringError(f"{path} is no tensor of shape [position, layer, d_model]")
    if table.shape[1] != shape.n_layers:
        raise _other_depth(f"{path} has {table.shape[1]} layers", shape)
    if table.shape[2] != shape.d_model:
        raise _other_width(f"{path} has vectors of {table.shape[2]} numbers", shape)
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


def _control_vector(path: Path, shape: Shape) -> Foreign:
    file = foreign_files.control_vector(path)
    strange = [name for name in file.tensors if not re.fullmatch(r"direction\.\d{1,4}", name)]
    if strange or not file.tensors:
        raise SteeringError(
            f"{path} is a control vector without `direction.N`"
            + (f", but with {strange[0]!r}; only `direction.N` can be read" if strange else "")
        )
    numbered = {int(name.partition(".")[2]): each for name, each in file.tensors.items()}
    vectors, notes = _at_inputs(numbered, shape, "outputs", path)
    if file.hint:
        notes.append(f"the file says that it is for {_plain(file.hint)!r}")
    if file.signed_count:
        notes.append(
            "it looks like llama.cpp's cvector-generator, which measures one block before the "
            "point where llama.cpp adds: taken where it is added; the sign of its PCA is random"
        )
    sign = _said(file.description) or _POSITIVE
    return Foreign("GGUF control vector", _hashes([path]), vectors, sign, notes=tuple(notes))


def _safetensors(path: Path, shape: Shape, numbers: Numbers, layer: int | None) -> Foreign:
    tensors, facts = foreign_files.safetensors_file(path)
    if "layer_type" in facts:
        _require_residual(facts["layer_type"], path)
    vectors, notes = _named(tensors, shape, numbers, path, layer)
    sign = _said(facts.get("convention")) or _POSITIVE
    return Foreign("safetensors", _hashes([path]), vectors, sign, notes=tuple(notes))


def _torch(path: Path, shape: Shape, numbers: Numbers, layer: int | None) -> Foreign:
    content = foreign_files.torch_file(path)
    form = "torch file"
    if isinstance(content, Mapping) and isinstance(content.get("layer_activations"), Mapping):
        form = "steering-vectors file"
        _require_residual(content.get("layer_type", "decoder_block"), path)
        content = content["layer_activations"]
    if isinstance(content, Tensor):
        content = {"": content}
    if not isinstance(content, Mapping) or not content:
        raise _unknown(path, f"{type(content).__name__} instead of tensors by layer")
    vectors, notes = _named(
        {str(key): each for key, each in content.items()}, shape, numbers, path, layer
    )
    return Foreign(form, _hashes([path]), vectors, _POSITIVE, notes=tuple(notes))


def _named(
    tensors: Mapping[str, Any], shape: Shape, numbers: Numbers, path: Path, layer: int | None
) -> tuple[dict[ExtractionPoint, Tensor], list[str]]:
    """Read the layers from the names of tensors."""
    if len(tensors) == 1 and not _layer_of(next(iter(tensors)), numbers):
        name, only = next(iter(tensors.items()))
        if layer is None:
            raise SteeringError(
                f"{path} holds one vector ({name or 'without a name'}) that does not say its "
                "layer; give the block at whose input it belongs with --layer"
            )
        return _at_inputs({layer: only}, shape, "inputs", path)
    found: dict[Numbers, dict[int, Any]] = {"outputs": {}, "inputs": {}}
    for name, tensor in tensors.items():
        read_as = _layer_of(name, numbers)
        if read_as is None:
            raise _unknown(path, f"the name {name!r}")
        number, side = read_as
        number += shape.n_layers if number < 0 else 0
        if number in found[side]:
            raise SteeringError(f"{path} has layer {number} twice; leave one of them")
        found[side][number] = tensor
    vectors, notes = _at_inputs(found["inputs"], shape, "inputs", path)
    more, said = _at_inputs(found["outputs"], shape, "outputs", path)
    if both := vectors.keys() & more.keys():
        raise SteeringError(f"{path} has the input of block {min(both)[1]} twice; leave one")
    return vectors | more, [*notes, *said]


def _layer_of(name: str, numbers: Numbers) -> tuple[int, Numbers] | None:
    if hooked := _HOOKED.fullmatch(name):
        return int(hooked[1]), "inputs" if hooked[2] == "pre" else "outputs"
    plain = _NUMBERED.fullmatch(name)
    return (int(plain[1]), numbers) if plain else None


def _at_inputs(
    numbered: Mapping[int, Any], shape: Shape, numbers: Numbers, path: Path
) -> tuple[dict[ExtractionPoint, Tensor], list[str]]:
    """Bring layers' numbers into those of block inputs: the output of block l is input l + 1."""
    vectors, notes = {}, []
    for number, tensor in sorted(numbered.items()):
        what = f"layer {number} in {path}"
        if not 0 <= number < shape.n_layers:
            raise _other_depth(what, shape)
        vector = _vector(tensor, shape, what)
        layer = number + (numbers == "outputs")
        if layer == shape.n_layers:
            notes.append(
                f"layer {number} is left out: what the last block gives out is no block's input"
            )
        else:
            vectors[UNPLACED, layer] = vector
    if numbered and not vectors:
        raise SteeringError(f"{path} has the last block's output only, which no edit here acts on")
    return vectors, notes


def _vector(tensor: Any, shape: Shape, what: str) -> Float[Tensor, " d_model"]:  # noqa: ANN401
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise SteeringError(f"{what} is no tensor of decimal numbers, but {_kind(tensor)}")
    if tensor.numel() != max(tensor.shape, default=0) or tensor.numel() != shape.d_model:
        raise _other_width(f"{what} has the shape {list(tensor.shape)}", shape)
    vector = tensor.detach().flatten().float().clone()
    if not bool(vector.isfinite().all()):
        raise SteeringError(f"{what} holds NaN or infinite numbers; it cannot be used")
    if not bool(vector.any()):
        raise SteeringError(f"{what} is zero, which is no direction; it cannot be used")
    return vector


def _said(description: str | None) -> str | None:
    """Return what a file's own description says of the sign, as text that can be shown."""
    if not description:
        return None
    # The two forms in which `export_notes.convention` is written into files.
    own = re.search(r'"sign": "([^"]+)"', description) or re.search(
        r"sign: (.+?)\. norm: ", description
    )
    return f"its file says: {_plain(own[1] if own else description)}"


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def _require_residual(layer_type: object, path: Path) -> None:
    if layer_type != "decoder_block":
        raise SteeringError(
            f"{path} was read at {layer_type!r}, but edits here act on the residual stream between "
            "blocks; give vectors of the layer type 'decoder_block'"
        )


def _other_width(what: str, shape: Shape) -> SteeringError:
    return SteeringError(
        f"{what}, but the residual stream of {shape.model} has d_model {shape.d_model}; name the "
        "model that they were made on with --model"
    )


def _other_depth(what: str, shape: Shape) -> SteeringError:
    return SteeringError(
        f"{what}, but {shape.model} has the blocks 0 to {shape.n_layers - 1}; name the model that "
        "they were made on with --model"
    )


def _unknown(path: Path, found: str) -> SteeringError:
    return SteeringError(
        f"{path} has no layout that is known here: {found}; known are a folder of "
        "refusal_direction (direction.pt and direction_metadata.json), a .gguf control vector, "
        "tensors by layer in .safetensors or .pt, and what `export` and `precompute` write"
    )


def _hashes(files: list[Path]) -> dict[str, str]:
    return {file.name: sha256_of(file, report=silent) for file in files}


_READERS: Mapping[str, Callable[[Path, Shape, Numbers, int | None], Foreign]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".pkl", ".pickle"), _torch),
}
