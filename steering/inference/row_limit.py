"""How many rows a model may have in its steps at once."""

from typing import Final

from steering.models.chat_model import ChatModel

_MEMORY: Final = 1e9
"""Bytes that the keys and values of all rows may take (chosen: little beside the weights)."""
ROW_TOKENS: Final = 512
"""Length of a row that the limit counts with where none is known: request and answer (chosen)."""


def row_limit(model: ChatModel, most: int, *, tokens: int = ROW_TOKENS) -> int:
    """Return how many rows may be answered at once; 1 where rows cannot share a pass.

    Args:
        model: A loaded chat model.
        most: What is wanted, if memory allows it.
        tokens: Length of the longest row, its answer included.
    """
    if not model.abilities.joins:
        return 1
    config = model.network.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or model.d_model // config.num_attention_heads
    bytes_a_row = 2 * model.n_layers * heads * width * model.dtype.itemsize * tokens
    return max(1, min(most, int(_MEMORY // bytes_a_row)))
