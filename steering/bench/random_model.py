"""A chat model of a published one's shape with random weights: how fast it is, not what it says."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig

from steering.models import number_formats
from steering.models.chat_model import ChatModel, NumberFormat, Quantization
from steering.models.inspection import inspect


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of a network of Llama's kind.

    Attributes:
        title: What has this shape.
        blocks: Decoder blocks.
        d_model: Width of the residual stream.
        heads: Attention heads.
        key_heads: Heads of keys and values.
        d_mlp: Width inside the MLP.
        vocabulary: Tokens; more where the tokenizer has more.
    """

    title: str
    blocks: int
    d_model: int
    heads: int
    key_heads: int
    d_mlp: int
    vocabulary: int


LLAMA_3_8B: Final = NetworkShape("Llama-3-8B's shape", 32, 4096, 32, 8, 14336, 128_256)
"""From the publisher's config.json."""
TINY: Final = NetworkShape("a tiny shape", 2, 64, 4, 2, 128, 256)
"""To see that everything runs where there is no GPU; widths are whole blocks of NF4."""


def build(shape: NetworkShape, like: ChatModel, quantization: Quantization) -> ChatModel:
    """Make a network of a shape, on another model's device and with its tokenizer.

    Args:
        shape: The sizes.
        like: Lends device, tokenizer and first words of refusals.
        quantization: `none` for bfloat16, or `nf4` with bfloat16 computation.

    Raises:
        SteeringError: If bitsandbytes is not installed and NF4 was asked for.
    """
    if quantization != "none":
        number_formats.require_bitsandbytes()
    config = LlamaConfig(
        num_hidden_layers=shape.blocks,
        hidden_size=shape.d_model,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        intermediate_size=shape.d_mlp,
        vocab_size=max(shape.vocabulary, len(like.tokenizer)),
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        bos_token_id=None,
        eos_token_id=None,
    )
    # Eight billion random numbers take a GPU seconds and a CPU minutes.
    with torch.device(like.device), torch.random.fork_rng(_cuda_devices(like.device)):
        torch.manual_seed(0)
        network = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    network.requires_grad_(requires_grad=False)
    if quantization == "nf4":
        _quantize(network)
    short = "NF4, bfloat16 compute" if quantization == "nf4" else "bfloat16"
    return inspect(
        f"{shape.title}, random weights, {short}",
        network,
        like.tokenizer,
        openers=tuple(like.openers),
        number_format=NumberFormat(quantization, torch.bfloat16, f"{short}, as this suite asks"),
    )


def _cuda_devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def _quantize(network: Any) -> None:  # noqa: ANN401 - transformers' networks are untyped
    """Put NF4 in the place of every matrix of the blocks, one at a time, as the loader does."""
    import bitsandbytes as bnb

    for block in network.model.layers:
        for parent in list(block.modules()):
            for name, old in list(parent.named_children()):
                if not isinstance(old, nn.Linear):
                    continue
                new = bnb.nn.Linear4bit(
                    old.in_features,
                    old.out_features,
                    bias=False,
                    compute_dtype=torch.bfloat16,
                    compress_statistics=True,
                    quant_type="nf4",
                )
                device = old.weight.device
                new.weight = bnb.nn.Params4bit(
                    old.weight.data.cpu(), requires_grad=False, quant_type="nf4"
                )
                setattr(parent, name, new.to(device))
