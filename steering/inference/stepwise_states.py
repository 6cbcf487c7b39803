"""The residual stream of many prompts a part at a time, so that whoever waits can look on or stop.

What all prompts begin with, the template's system prompt, is read once a part and its keys and
values are shared, as `next_token.logits_under` does it: short prompts cost half. The numbers are
those of `activations.capture` up to the rounding of the model's number format.
"""

from collections.abc import Generator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.next_token import after_beginning, common_length, shares_beginning
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading


def read_states(
    model: ChatModel, rows: Sequence[Sequence[int]], *, position: int, batch_size: int
) -> Generator[int, None, Float[Tensor, "prompt layer d_model"]]:
    """Read the inputs of all blocks at one template position; yields how many prompts are read.

    Nothing is left on the model between two parts, so closing the generator stops the work.

    Args:
        model: A loaded chat model; every part takes `model.turn`.
        rows: Token ids of each prompt, as `ChatModel.render` gives them.
        position: Template position, -1 for the last template token.
        batch_size: Prompts of a part.

    Returns:
        The states, float32, on the CPU, in the order of `rows`.

    Raises:
        SteeringError: If there is no such position, or the numbers of a prompt are not finite.
    """
    if not -len(model.suffix) <= position <= -1:
        raise SteeringError(
            f"position {position} does not exist: {model.name} has the template positions "
            f"{-len(model.suffix)} to -1"
        )
    batch_size = model.together(batch_size)
    with model.turn():
        prefix = common_length(rows) if shares_beginning(model, rows) else 0
    # The states of shared tokens are not read, and the shortest prompt may be one of them.
    prefix = min(prefix, min(map(len, rows)) + position)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    found = torch.empty(len(rows), model.n_layers, model.d_model)
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        part = [rows[index] for index in chunk]
        with model.turn():
            rest, cache = after_beginning(model, part, prefix)
        with reading(model, range(model.n_layers), [position]) as states:
            model.run_blocks(rest, cache=cache, use_cache=cache is not None)
        for layer in range(model.n_layers):
            found[chunk, layer] = states[layer][:, 0].float().cpu()
        fine = found[chunk].isfinite().flatten(1).all(dim=1)
        overflow.require(fine, model, part)
        yield start + len(chunk)
    return found
