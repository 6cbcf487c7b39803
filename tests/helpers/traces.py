"""One request traced, and nothing kept; which blocks a pass runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from steering.maps.residual_trace import Trace, Tracer
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel


@contextmanager
def blocks_run(model: ChatModel) -> Iterator[list[int]]:
    """Give a list that the number of every block joins whose attention runs."""
    found: list[int] = []
    handles = [
        block.self_attn.register_forward_hook(lambda *_, layer=layer: found.append(layer))
        for layer, block in enumerate(model.blocks)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def trace(model, directions, maps, prompt, panels, **options) -> Trace:
    return Tracer(SteerableModel(model, directions, maps)).trace(prompt, panels, **options)
