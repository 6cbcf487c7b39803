"""Forward passes through some of the blocks only: the same numbers, without the work.

What a block below the first edited one computes is the unedited model's, and what a block above
the last one read computes is seen by nobody.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from jaxtyping import Float
from torch import Tensor

from steering.model import ChatModel


@contextmanager
def starting_at(
    model: ChatModel, layer: int, states: Float[Tensor, "row position d_model"] | None
) -> Generator[None]:
    """Give every forward pass the input of block `layer`; the blocks below are not run.

    Args:
        model: A loaded chat model.
        layer: The first block that runs.
        states: Its input; None only if `layer` is 0.
    """
    with ExitStack() as stack:
        stack.enter_context(model.turn())
        for block in model.blocks[:layer]:
            # Not a hook: hooks see a block's output, but cannot spare the work. Taken back by
            # `patch` even where a library has replaced `forward` already.
            stack.enter_context(patch.object(block, "forward", lambda *_, **__: states))
        yield


@contextmanager
def ending_at(model: ChatModel, layer: int) -> Generator[None]:
    """Let every forward pass end at the input of block `layer`, which hooks see as ever.

    That block and those above hand on what they are given.
    """
    with ExitStack() as stack:
        stack.enter_context(model.turn())
        for block in model.blocks[layer:]:
            stack.enter_context(patch.object(block, "forward", _hand_on))
        yield


def _hand_on(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a block's signature
    return args[0] if args else kwargs["hidden_states"]
