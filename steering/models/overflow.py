"""Where numbers stop being finite, and whose fault that is: a damaged file, a format, or an edit.

A number format ends somewhere (float16 at 65,504): what is larger becomes infinite, its differences
NaN, and from there on every number of that row is NaN. Without a word that looks like an answer.
"""

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor

from steering.errors import SteeringError
from steering.models.chat_model import ChatModel, reading
from steering.models.number_formats import wider
from steering.models.own_layout import weights_of


def readable_rows(logits: Float[Tensor, "batch vocab"]) -> Bool[Tensor, " batch"]:
    """Return which rows hold a distribution; minus infinity rules a token out and is allowed."""
    return logits.amax(dim=-1).isfinite()


def require(
    fine: Bool[Tensor, " batch"],
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    *,
    panel: str | None = None,
) -> None:
    """Refuse a batch of which some row is not fine.

    Args:
        fine: Of each row, whether its numbers are finite.
        model: The model that gave them; edits that are active on it are seen.
        rows: Token ids of the batch.
        panel: What the edit is called, if there is one.

    Raises:
        SteeringError: Names the layer from which on the residual stream is not finite, and what to
            try.
    """
    if not bool(fine.all()):
        raise error(model, rows, int(fine.int().argmin()), panel=panel)


def error(
    model: ChatModel, rows: Sequence[Sequence[int]], row: int, *, panel: str | None = None
) -> SteeringError:
    """Return the error for one row of a batch: the batch runs once more to see where it begins."""
    with reading(model, range(model.n_layers)) as states:
        model.run_blocks(model.batch(rows))
    layers = [layer for layer in sorted(states) if not bool(states[layer][row].isfinite().all())]
    where = (
        f"from layer {layers[0]} on (the input of block {layers[0]} of 0 to {model.n_layers - 1})"
        if layers
        else f"behind its last block ({model.n_layers - 1})"
    )
    dtype = str(model.dtype).removeprefix("torch.")
    under = f" under {panel}" if panel else ""
    return SteeringError(
        f"the residual stream of {model.name}{under} is not finite {where}, computed in {dtype}; "
        f"{_remedy(model, edited=panel is not None)}"
    )


def _remedy(model: ChatModel, *, edited: bool) -> str:
    for name, weight in weights_of(model.network):
        if weight.is_floating_point() and not bool(weight.isfinite().all()):
            return f"its weight {name} is not finite, so the file is damaged: fetch it again"
    other = wider(model.number_format)
    return f"try another number format ({other})" + (", or a weaker edit" if edited else "")
