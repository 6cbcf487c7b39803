"""Forward passes through some of the blocks only: the same numbers, without the work.

What a block below the first edited one computes is the unedited model's, and what a block above
the last one read computes is seen by nobody.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from steering.models.blocks import skipped
from steering.models.chat_model import ChatModel


@contextmanager
def starting_at(
    model: ChatModel, layer: int, states: Float[Tensor, "row position d_model"] | None
) -> Generator[None]:
    """Give every forward pass the input of block `layer`; the blocks below are not run.

    They are run where later blocks need more of them than the residual stream: the numbers are
    the same, the work is not spared.

    Args:
        model: A loaded chat model.
        layer: The first block that runs.
        states: Its input; None only if `layer` is 0.
    """
    with ExitStack() as stack:
        stack.enter_context(model.turn())
        if layer and model.abilities.skips:
            stack.enter_context(skipped(model.blocks[:layer], states))
        elif layer:
            handle = model.blocks[layer].register_forward_pre_hook(
                partial(_replace, states), with_kwargs=True, prepend=True
            )
            stack.callback(handle.remove)
        yield


@contextmanager
def ending_at(model: ChatModel, layer: int) -> Generator[None]:
    """Let every forward pass end at the input of block `layer`, which hooks see as ever.

    That block and those above hand on what they are given, where that can be done.
    """
    with ExitStack() as stack:
        stack.enter_context(model.turn())
        if model.abilities.skips:
            stack.enter_context(skipped(model.blocks[layer:], None))
        yield


def _replace(states: Any, _block: nn.Module, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
    if args:
        return (states, *args[1:]), kwargs
    return args, {**kwargs, "hidden_states": states}
