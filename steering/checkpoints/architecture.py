"""Which of transformers' classes loads a folder, and whether any does.

Read from the config before anything is loaded: transformers itself answers a folder that it does
not know with a traceback, and one with code of its own with a question in the terminal.
"""

import json
from pathlib import Path
from typing import Any

from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
)

from steering.errors import SteeringError

_CLASSES = (AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMultimodalLM)
"""In this order: text models first, then wrappers that know their text model by no other way."""


def class_for(folder: Path) -> Any:  # noqa: ANN401 - transformers has no common type
    """Return the class whose `from_pretrained` loads the model in `folder`.

    Raises:
        SteeringError: If it is no chat model that the installed transformers can load.
    """
    document = _config(folder)
    _check_type(folder, document)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = _other_kind(document, config)
    if kind is not None:
        raise SteeringError(
            f"{folder.name} is {kind}; only decoder models that write text can be steered: choose "
            "a chat model"
        )
    for each in _CLASSES:
        if type(config) in each._model_mapping:
            return each
    raise SteeringError(
        f"{folder.name} is of type {document['model_type']!r}, which writes no text in the "
        "installed transformers; choose a chat model"
    )


def _config(folder: Path) -> dict[str, Any]:
    try:
        document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SteeringError(
            f"{folder.name} has no readable config.json: {error}; get the model's folder anew"
        ) from error
    if not isinstance(document, dict):
        raise SteeringError(f"config.json of {folder.name} is no object; get the folder anew")
    return document


def _check_type(folder: Path, document: dict[str, Any]) -> None:
    known, code = document.get("model_type"), document.get("auto_map")
    if isinstance(known, str) and known in CONFIG_MAPPING:
        return
    if code:
        raise SteeringError(
            f"{folder.name} needs code of its own (auto_map in its config.json), which is never "
            "run here; choose a model that transformers knows by itself"
        )
    if known is None:
        raise SteeringError(
            f"config.json of {folder.name} names no model_type, so nobody can tell what it is; "
            "choose a folder in the format of transformers"
        )
    raise SteeringError(
        f"{folder.name} is of type {known!r}, which the installed transformers does not know; "
        "install a newer one, or choose another model"
    )


def _other_kind(document: dict[str, Any], config: Any) -> str | None:  # noqa: ANN401
    """Say what a model is if it is none that writes text from left to right."""
    if config.is_encoder_decoder:
        return f"an encoder-decoder ({document['model_type']})"
    if getattr(config.get_text_config(), "is_decoder", None) is False:
        return f"an encoder ({document['model_type']}), which reads text but writes none"
    return None
