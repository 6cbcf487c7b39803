"""Whether a folder can be loaded as a chat model, and what its weights are, before torch opens it.

Transformers finds most faults late and names no file; some it passes over: a pointer in place of
`generation_config.json`, weights that are missing and are then drawn at random, an adapter beside
the model. Reading the settings and the headers of the weights takes a fraction of a second.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steering.checkpoints import model_file, other_formats, prequantized
from steering.errors import SteeringError

SETTINGS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "chat_template.json",
    "processor_config.json",
    "preprocessor_config.json",
)
"""Files that transformers reads where they are there, each a JSON object."""

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")

_OTHER_TASKS = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForMaskedLM",
    "ForImageClassification",
    "RewardModel",
)
"""Endings of architectures whose head gives no next token."""


def check(folder: Path) -> None:
    """Refuse a folder that holds no whole chat model.

    Raises:
        SteeringError: Names the file or what is missing, and says what to do.
    """
    other_formats.refuse(folder)
    names = other_formats.listing(folder)
    missing = [] if "config.json" in names else ["config.json"]
    if not any(name.endswith((".safetensors", model_file.INDEX)) for name in names):
        missing.append("*.safetensors")
    if not any(name in names for name in _TOKENIZERS):
        missing.append("tokenizer.json")
    if missing:
        raise SteeringError(
            f"the folder {folder} cannot be loaded as a model: it has no {', '.join(missing)}"
        )
    documents = {name: model_file.json_object(folder / name) for name in SETTINGS if name in names}
    for name in names:
        if name.endswith(".jinja"):
            model_file.text(folder / name)
        elif name in ("tokenizer.model", "merges.txt", "vocab.txt"):
            model_file.opening(folder / name)
    for name in ("config.json", "generation_config.json"):
        _check_ends(folder / name, documents.get(name, {}).get("eos_token_id"))
    _check_task(folder, documents["config.json"])
    _check_weights(folder, documents["config.json"])


def _check_ends(path: Path, found: object) -> None:
    """Refuse ends of an answer that are no token ids: no answer would ever end."""
    ids = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in ids):
        raise SteeringError(
            f"{path} has eos_token_id {found!r}, expected a token's number or a list of numbers"
        )


def _check_task(folder: Path, config: Mapping[str, Any]) -> None:
    named = config.get("architectures")
    architectures = [str(name) for name in named] if isinstance(named, list) else []
    what = None
    if config.get("is_encoder_decoder") is True:
        what = "an encoder-decoder model"
    elif architectures and all(name.endswith(_OTHER_TASKS) for name in architectures):
        what = "made for another task than writing text"
    elif architectures and all(
        name.endswith("Model") and not name.endswith("HeadModel") for name in architectures
    ):
        what = "a network without a head that gives the next token, as embedding models are"
    if what:
        raise SteeringError(
            f"{folder / 'config.json'} says that the model is {what} "
            f"({', '.join(architectures) or config.get('model_type')}); allowed are chat models "
            "that write on from what they read (...ForCausalLM)"
        )


def _check_weights(folder: Path, config: Mapping[str, Any]) -> None:
    chosen = config.get("transformers_weights")
    if chosen is not None and not (isinstance(chosen, str) and model_file.is_below(chosen)):
        raise SteeringError(
            f"{folder / 'config.json'} names {chosen!r} as weights, which is no file name below "
            "its own folder; it was not opened"
        )
    names = other_formats.listing(folder)
    # In the order in which transformers looks.
    first = next((n for n in (chosen, "model.safetensors", model_file.INDEX) if n in names), None)
    if first is None:
        found = [name for name in names if name.endswith(".safetensors")]
        raise SteeringError(
            f"the folder {folder} has weights ({', '.join(found[:4])}"
            f"{', ...' if len(found) > 4 else ''}) but neither model.safetensors nor "
            f"{model_file.INDEX}, which says where each tensor is; get the missing file, or name a "
            "single file model.safetensors"
        )
    tensors = _sharded(folder / first) if first.endswith(".json") else None
    if tensors is None:
        tensors = model_file.tensors(folder / first)
    if not tensors:
        raise SteeringError(f"{folder / first} holds no tensors")
    prequantized.check(folder, config, tensors)


def _sharded(index: Path) -> dict[str, model_file.TensorFacts]:
    """Read the headers of all shards, and compare them with the index."""
    placed = model_file.shards(index)
    shards = sorted(set(placed.values()))
    # A dead link is there, and is named as one below.
    if gone := [shard for shard in shards if not os.path.lexists(index.parent / shard)]:
        raise SteeringError(
            f"{index.parent} lacks {len(gone)} of {len(shards)} files of weights that its index "
            f"names: {', '.join(gone[:8])}{', ...' if len(gone) > 8 else ''}; "
            f"{model_file.again(index)}"
        )
    held = {shard: model_file.tensors(index.parent / shard) for shard in shards}
    for tensor, shard in placed.items():
        if tensor not in held[shard]:
            raise SteeringError(
                f"{index} says that {tensor} is in {shard}, but it is not; the two are of "
                f"different models or versions: {model_file.again(index)}"
            )
    return {tensor: facts for found in held.values() for tensor, facts in found.items()}
