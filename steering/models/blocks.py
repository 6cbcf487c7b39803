"""Where a transformers model keeps its decoder blocks, and where in a block the stream is read."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor, nn

from steering.errors import SteeringError

SitePart = Literal["input", "attention", "mlp"]
"""Where in a decoder block the residual stream is read or edited: the block's input, or what its
attention (or whatever mixes tokens there) and its MLP write into the stream; see `writers`."""

_DEPTH = 4
"""How far below the model its decoder is looked for: a wrapper in a wrapper at most (chosen)."""


def find_decoder(network: Any) -> nn.Module:  # noqa: ANN401 - transformers has no common type
    """Return the module that holds the decoder blocks of a transformers model, and runs them.

    A multimodal wrapper has its text model one or two levels down.

    Raises:
        SteeringError: If it has no decoder blocks.
    """
    decoder = network.get_decoder() if hasattr(network, "get_decoder") else network.base_model
    for _ in range(_DEPTH):
        if _list_of_blocks(decoder) is not None:
            return decoder  # type: ignore[no-any-return]
        below = getattr(decoder, "model", None) or getattr(decoder, "language_model", None)
        if below is None:
            break
        decoder = below
    raise SteeringError(
        f"no decoder blocks found in {type(network).__name__}: expected a list of blocks in its "
        "decoder, as many as its config's num_hidden_layers; choose another model"
    )


def find_blocks(network: Any) -> nn.ModuleList:  # noqa: ANN401
    """Return the decoder blocks of a transformers model, in order.

    Raises:
        SteeringError: If it has none.
    """
    blocks = _list_of_blocks(find_decoder(network))
    assert blocks is not None
    return blocks


def _list_of_blocks(decoder: nn.Module) -> nn.ModuleList | None:
    """Return the list with an entry a layer: `layers` in most families, `h` in older ones."""
    config = getattr(decoder, "config", None)
    if config is None:
        return None
    n_layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    lists = [
        child
        for child in decoder.children()
        if isinstance(child, nn.ModuleList) and 0 < n_layers == len(child)
    ]
    return lists[0] if len(lists) == 1 else None


@contextmanager
def skipped(blocks: Iterable[nn.Module], states: Tensor | None) -> Generator[None]:
    """Let blocks do nothing but return `states`; None: what each was given."""
    changed: list[tuple[nn.Module, Any]] = []
    try:
        for block in blocks:
            # Not a hook: hooks see a block's output, but cannot spare the work.
            changed.append((block, vars(block).get("forward")))
            block.forward = _hand_on if states is None else lambda *_, **__: states
        yield
    finally:
        for block, before in reversed(changed):
            # What a library had set on the block itself, as accelerate does, stays there.
            if before is None:
                del block.forward
            else:
                block.forward = before


def _hand_on(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a block's signature
    return args[0] if args else kwargs["hidden_states"]
