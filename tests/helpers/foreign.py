"""Files as other programs write them, made from a few random vectors."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file

from tests.helpers.fake_hub import MODEL_FILES

SIZES = {"num_hidden_layers": 4, "hidden_size": 32}
"""Of the tiny model of the tests."""


def model_folder(path: Path, config: Mapping[str, object] = SIZES) -> str:
    """A folder that says how wide its model is; its weights are a stand-in."""
    path.mkdir()
    for name, content in MODEL_FILES.items():
        (path / name).write_bytes(content)
    (path / "config.json").write_text(json.dumps(config))
    return str(path)


def vectors(*numbers: int, width: int = 32) -> dict[int, torch.Tensor]:
    """One random vector for each of the numbers."""
    generator = torch.Generator().manual_seed(7)
    return {number: torch.randn(width, generator=generator) for number in numbers}


def mean_diffs(positions: int = 3, layers: int = 4, width: int = 32) -> torch.Tensor:
    """Differences in float64, rounding only at the first block's input, as published ones."""
    table = torch.randn(
        positions, layers, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    table[:, 0] *= 1e-14
    return table


def refusal_direction(
    folder: Path,
    table: torch.Tensor | None,
    *,
    point: tuple[object, object] = (-2, 2),
    chosen: torch.Tensor | None = None,
    below: str = "generate_directions",
) -> Path:
    """A folder of github.com/andyrdt/refusal_direction."""
    (folder / below).mkdir(parents=True)
    if table is not None:
        torch.save(table, folder / below / "mean_diffs.pt")
        # As there: a view, so that the file holds the storage of all points.
        chosen = table[point[0], point[1]] if chosen is None else chosen
    torch.save(chosen, folder / "direction.pt")
    facts = {"pos": point[0], "layer": point[1]}
    (folder / "direction_metadata.json").write_text(json.dumps(facts, indent=4))
    return folder


def control_vector(
    path: Path,
    by_layer: Mapping[int | str, torch.Tensor],
    *,
    architecture: str = "controlvector",
    hint: str | None = "qwen2",
    signed: bool = False,
) -> Path:
    """A control vector as repeng exports it; `signed` as llama.cpp's own generator does."""
    writer = gguf.GGUFWriter(path, architecture)
    if hint:
        writer.add_string(f"{architecture}.model_hint", hint)
    count = writer.add_int32 if signed else writer.add_uint32
    count(f"{architecture}.layer_count", len(by_layer))
    for layer, vector in by_layer.items():
        name = layer if isinstance(layer, str) else f"direction.{layer}"
        writer.add_tensor(name, vector.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def as_saved_on_a_gpu(path: Path) -> None:
    """Change a file of torch.save so that its storages claim to lie on the first GPU."""
    before, after = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    changed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename.endswith("data.pkl"):
                assert content.count(before) == 1
                content = content.replace(before, after)
            new.writestr(member, content)
    path.write_bytes(changed.getvalue())


def saved(folder: Path, ending: str, by_layer: dict[int, torch.Tensor]) -> Path:
    """Vectors by layer in each of the forms in which people keep them."""
    path = folder / f"vectors.{ending}"
    if ending == "gguf":
        return control_vector(path, by_layer)
    if ending == "safetensors":
        save_file({str(layer): vector for layer, vector in by_layer.items()}, path)
    elif ending == "pth":
        torch.save({"layer_activations": by_layer, "layer_type": "decoder_block"}, path)
    else:
        torch.save(by_layer, path)
    return path


def truncated(path: Path) -> Path:
    """Cut a file to its first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
