"""Directions that other programs found, read from the layouts in which they leave them.

Layer l here is the INPUT of block l. The others count thus (looked up in their code;
`refusal_direction` says it of its folder):

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
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from steering.errors import SteeringError
from steering.foreign import foreign_files
from steering.foreign.foreign_vectors import (
    UNPLACED,
    Foreign,
    Numbers,
    hashes,
    unknown_layout,
    vector_of,
)
from steering.foreign.model_shape import Shape, other_depth
from steering.foreign.refusal_direction import read_folder
from steering.interventions.outline import ExtractionPoint

_NUMBERED: Final = re.compile(
    r"(?:layer_activations\.|directions?\.|layers?[._]|blocks?[._])?(-?\d{1,4})"
)
_HOOKED: Final = re.compile(r"blocks\.(\d{1,4})\.hook_resid_(pre|post)")
"""TransformerLens' names of a block's input and output."""
_POSITIVE: Final = (
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
        return read_folder(path, shape)
    if not path.is_file():
        raise SteeringError(f"there is no file or folder {path}; check the path")
    if path.name == "direction.pt" and (path.parent / "direction_metadata.json").is_file():
        return read_folder(path.parent, shape)
    if foreign_files.start_of(path).startswith(b"GGUF"):
        return _control_vector(path, shape)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise unknown_layout(path, f"a file that ends in {path.suffix or 'nothing'}")
    return reader(path, shape, numbers, layer)


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
    return Foreign("GGUF control vector", hashes([path]), vectors, sign, notes=tuple(notes))


def _safetensors(path: Path, shape: Shape, numbers: Numbers, layer: int | None) -> Foreign:
    tensors, facts = foreign_files.safetensors_file(path)
    if "layer_type" in facts:
        _require_residual(facts["layer_type"], path)
    vectors, notes = _named(tensors, shape, numbers, path, layer)
    sign = _said(facts.get("convention")) or _POSITIVE
    return Foreign("safetensors", hashes([path]), vectors, sign, notes=tuple(notes))


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
        raise unknown_layout(path, f"{type(content).__name__} instead of tensors by layer")
    vectors, notes = _named(
        {str(key): each for key, each in content.items()}, shape, numbers, path, layer
    )
    return Foreign(form, hashes([path]), vectors, _POSITIVE, notes=tuple(notes))


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
            raise unknown_layout(path, f"the name {name!r}")
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
            raise other_depth(what, shape)
        vector = vector_of(tensor, shape, what)
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


def _said(description: str | None) -> str | None:
    """Return what a file's own description says of the sign, as text that can be shown."""
    if not description:
        return None
    # The two forms in which `export_readme.convention` is written into files.
    own = re.search(r'"sign": "([^"]+)"', description) or re.search(
        r"sign: (.+?)\. norm: ", description
    )
    return f"its file says: {_plain(own[1] if own else description)}"


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]


def _require_residual(layer_type: object, path: Path) -> None:
    if layer_type != "decoder_block":
        raise SteeringError(
            f"{path} was read at {layer_type!r}, but edits here act on the residual stream between "
            "blocks; give vectors of the layer type 'decoder_block'"
        )


_READERS: Mapping[str, Callable[[Path, Shape, Numbers, int | None], Foreign]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".pkl", ".pickle"), _torch),
}
