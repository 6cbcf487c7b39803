"""How deep and wide a model is, without its weights: what directions for it have to fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering.errors import SteeringError
from steering.sources import catalog, weights
from steering.system import whole_files


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


def shape_of(model: str) -> Shape:
    """Return the number of blocks and the width of a model, without its weights.

    Raises:
        SteeringError: If they cannot be known on this machine.
    """
    if entry := catalog.find(model):
        return Shape(model, entry.n_layers, entry.d_model)
    weights.require_known(model)
    folder = Path(model).expanduser()
    if not (folder / "config.json").is_file():
        found = weights.cached(model)
        if found is None:
            raise SteeringError(
                f"how wide {model} is cannot be known, since it is not on this machine; fetch it "
                f"first with `python -m steering fetch --model {model}`"
            )
        folder = found.folder
    config = whole_files.read_json(folder / "config.json")
    layers = _first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    width = _first(config, "hidden_size", "n_embd", "d_model")
    if layers is None or width is None:
        raise SteeringError(f"{folder / 'config.json'} does not say num_hidden_layers, hidden_size")
    return Shape(model, layers, width)


def _first(config: Any, *names: str) -> int | None:  # noqa: ANN401
    """Return a number of the text model, which multimodal wrappers hold one level down."""
    if not isinstance(config, Mapping):
        return None
    for inner in (config.get("text_config"), config.get("llm_config"), config):
        for name in names:
            value = inner.get(name) if isinstance(inner, Mapping) else None
            if isinstance(value, int) and value > 0:
                return value
    return None


def other_width(what: str, shape: Shape) -> SteeringError:
    """Return the error for vectors of another width."""
    return SteeringError(
        f"{what}, but the residual stream of {shape.model} has d_model {shape.d_model}; name the "
        "model that they were made on with --model"
    )


def other_depth(what: str, shape: Shape) -> SteeringError:
    """Return the error for a layer that the model does not have."""
    return SteeringError(
        f"{what}, but {shape.model} has the blocks 0 to {shape.n_layers - 1}; name the model that "
        "they were made on with --model"
    )
