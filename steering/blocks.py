"""Where a transformers model keeps its decoder blocks, and where in a block the stream is read."""

from typing import Any, Literal

from torch import nn

from steering.errors import SteeringError

Part = Literal["input", "attention", "mlp"]
"""Where in a decoder block the residual stream is read or edited: the block's input, or what its
attention and its MLP write into the stream (after the post-norms of families that have them)."""


def find_blocks(network: Any) -> nn.ModuleList:  # noqa: ANN401 - transformers has no common type
    """Return the decoder blocks of a transformers model, in order.

    Raises:
        SteeringError: If it keeps them elsewhere than the supported families.
    """
    decoder = network.get_decoder() if hasattr(network, "get_decoder") else network.base_model
    blocks = getattr(decoder, "layers", None)
    if not isinstance(blocks, nn.ModuleList) or not len(blocks):
        raise SteeringError(
            f"no decoder blocks found in {type(network).__name__}: expected a list `layers` in "
            "its decoder, as Llama, Qwen2, Gemma, Gemma-2, Mistral and Phi-3 have; take another"
        )
    return blocks


def parts_of(block: nn.Module) -> dict[Part, nn.Module]:
    """Return the modules where a block is read or edited.

    Families with norms after attention and MLP (Gemma-2) write the normed output into the
    residual stream. `post_attention_layernorm` alone does not tell: in Llama it is the norm
    before the MLP.

    Raises:
        SteeringError: If the block has other parts.
    """
    children = dict(block.named_children())
    post_norms = "post_feedforward_layernorm" in children
    attention = "post_attention_layernorm" if post_norms else "self_attn"
    mlp = "post_feedforward_layernorm" if post_norms else "mlp"
    for name in (attention, mlp):
        if name not in children:
            raise SteeringError(
                f"a {type(block).__name__} has no part {name!r} (it has {', '.join(children)}); "
                "choose a model of the Llama, Qwen2, Gemma, Gemma-2, Mistral or Phi-3 family"
            )
    return {"input": block, "attention": children[attention], "mlp": children[mlp]}
