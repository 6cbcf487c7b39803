"""What people give as a model that is none, told from the names of its files.

The same names lie in a folder and in the hub's listing of a repository, so both are judged here,
the second before anything is downloaded.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatch
from pathlib import Path

from steering.checkpoints import model_file
from steering.errors import SteeringError

_ADAPTER = "adapter_config.json"

_ALWAYS: Mapping[str, str] = {
    "modules.json": "an embedding model (sentence-transformers), which writes no text",
    "model_index.json": "an image model (diffusers), not a chat model",
}
"""A file's name: what holds it, whatever else is there."""

_WITHOUT_CONFIG: Mapping[str, str] = {
    "direction_metadata.json": "a direction, not a model: `python -m steering import` reads it",
    "direction.pt": "a direction, not a model: `python -m steering import` reads it",
    "mean_diffs.pt": "directions, not a model: `python -m steering import` reads it",
    "directions.safetensors": "what `precompute` writes, directions, not a model: name it in "
    "--directions and the model in --model",
}
"""The same where there is no config.json: `precompute --out` may write into a model's folder."""

_ORIGINAL = "the publisher's original format: get the model in the format of transformers"
_PICKLED = "pickled weights, which are never opened: convert them to safetensors"
_INSTEAD: Mapping[str, str] = {
    "*.gguf": "GGUF files: get one of them and give its path",
    "*.bin": _PICKLED,
    "params.json": _ORIGINAL,
    "consolidated*.safetensors": _ORIGINAL,
    "*.onnx": "a model for ONNX: get it as safetensors",
    "openvino_model.xml": "a model for OpenVINO: get it as safetensors",
    "tf_model.h5": "a model for TensorFlow: get it as safetensors",
    "saved_model.pb": "a model for TensorFlow: get it as safetensors",
    "*.tflite": "a model for TensorFlow: get it as safetensors",
    "*.msgpack": "a model for Flax: get it as safetensors",
    "rust_model.ot": "a model for Rust: get it as safetensors",
    "*.npz": "a model for MLX: get it as safetensors",
    "*.mlpackage": "a model for Core ML: get it as safetensors",
    "*.engine": "a model for TensorRT: get it as safetensors",
    "*.pt": _PICKLED,
    "*.pth": _PICKLED,
    "*.ckpt": _PICKLED,
}
"""Weights that count only where safetensors are missing."""

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")

_MOST = 200
"""Subfolders looked into for models (chosen: a glance, not a search)."""


def in_repository(names: Collection[str]) -> str | None:
    """Say what a hub repository holds if that is no model of safetensors; None if it may be one.

    Args:
        names: Paths of its files.
    """
    if _ADAPTER in names:
        beside = " beside a model" if "config.json" in names else ""
        return (
            f"it holds an adapter (LoRA){beside}; {_MERGE}; or give the repository of the base "
            "model to steer it without the adapter"
        )
    top = [name for name in names if "/" not in name]
    return _kind(top) or _instead([] if _has_weights(top) else list(names))


def refuse(folder: Path) -> None:
    """Refuse a folder that holds something else than one model of safetensors.

    Raises:
        SteeringError: Says what it holds and what to do.
    """
    names = listing(folder)
    if _ADAPTER in names:
        raise _adapter(folder, whole="config.json" in names)
    if said := _kind(names):
        raise SteeringError(f"the folder {folder} cannot be loaded as a model: {said}")
    if "config.json" in names and any(name.endswith(".safetensors") for name in names):
        return
    if inside := _models_inside(folder, names):
        raise SteeringError(
            f"the folder {folder} is no model itself but holds some: give one of "
            f"{', '.join(map(str, inside[:8]))}{' and more' if len(inside) > 8 else ''}"
        )
    if not names:
        raise SteeringError(f"the folder {folder} cannot be loaded as a model: it is empty")
    if any(name in names for name in _TOKENIZERS) and not _has_weights(names):
        rest = " and its settings" if "config.json" in names else ""
        raise SteeringError(
            f"the folder {folder} cannot be loaded as a model: it holds only a model's "
            f"tokenizer{rest}; its weights (*.safetensors) are missing"
        )


def listing(folder: Path) -> list[str]:
    """Names in a folder, in order.

    Raises:
        SteeringError: If it cannot be listed.
    """
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise SteeringError(
            f"the folder {folder} cannot be read: {error.strerror}; check its permissions"
        ) from error


def refuse_file(path: Path) -> None:
    """Refuse a file, other than a .gguf, that was given as a model.

    Raises:
        SteeringError: Always; says what it is and what to give.
    """
    said = "a model is a folder of safetensors or a .gguf file"
    if path.suffix == ".safetensors":
        names = model_file.tensors(path)
        width = [facts.shape for facts in names.values() if len(facts.shape) > 1]
        if names and not any(min(shape) > 1 for shape in width):
            said = "it holds vectors, as a direction does: `python -m steering import` reads it"
        else:
            said = f"it holds weights: give its folder, {path.parent}"
    elif path.suffix in {".pt", ".pth", ".bin", ".pkl", ".ckpt"}:
        said = (
            "pickled weights are never opened: give a folder of safetensors or a .gguf file; a "
            "direction (direction.pt) is read by `python -m steering import`"
        )
    elif path.name in {"config.json", "tokenizer.json", model_file.INDEX}:
        said = f"give its folder, {path.parent}"
    raise SteeringError(f"the file {path} cannot be loaded as a model: {said}")


_MERGE = (
    "merge it into its base model first (peft's merge_and_unload(), then save_pretrained()) and "
    "give the folder of the merged model"
)


def _adapter(folder: Path, *, whole: bool) -> SteeringError:
    config = model_file.json_object(folder / _ADAPTER)
    base = config.get("base_model_name_or_path") or "a model that it does not name"
    kind = config.get("peft_type") or "LoRA"
    if not whole:
        return SteeringError(
            f"the folder {folder} holds no model but an adapter ({kind}) for {base}; {_MERGE}"
        )
    # With peft installed transformers would apply it, without it would say nothing.
    return SteeringError(
        f"the folder {folder} holds a model and beside it an adapter ({kind}) for {base}; to steer "
        f"the model with the adapter, {_MERGE}; to steer it without, move {_ADAPTER} elsewhere"
    )


def _kind(names: Collection[str]) -> str | None:
    known = _ALWAYS if "config.json" in names else {**_ALWAYS, **_WITHOUT_CONFIG}
    found = (f"it holds {said}" for name, said in known.items() if name in names)
    return next(found, None) or _instead([] if _has_weights(names) else names)


def _instead(names: Collection[str]) -> str | None:
    for pattern, said in _INSTEAD.items():
        if found := sorted(name for name in names if fnmatch(name.rsplit("/", 1)[-1], pattern)):
            listed = f" ({', '.join(found[:5])}{', ...' if len(found) > 5 else ''})"
            return f"it has no *.safetensors but {said}{listed}"
    return None


def _has_weights(names: Collection[str]) -> bool:
    """Whether there are safetensors that transformers would read."""
    return any(
        name.endswith((".safetensors", model_file.INDEX)) and not name.startswith("consolidated")
        for name in names
    )


def _models_inside(folder: Path, names: Collection[str]) -> list[Path]:
    """Subfolders, one or two levels down, and their .gguf files, that look like models."""
    found: list[Path] = []
    below = [folder / name for name in names if (folder / name).is_dir()][:_MOST]
    for folder in below:
        inner = [folder / name for name in _quiet_listing(folder)]
        if folder / "config.json" in inner:
            found.append(folder)
            continue
        found += [path for path in inner if path.suffix == ".gguf"]
        found += [path for path in inner[:_MOST] if (path / "config.json").is_file()]
    return found


def _quiet_listing(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []  # somebody else's: it is not offered
