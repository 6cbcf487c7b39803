"""Tiny random models of the architectures of 2026: hybrids, mixtures of experts, wrappers.

Each is built from the installed transformers' own classes; the sizes are the smallest that every
class takes. A wrapper holds a text model one level down and a part that sees or hears.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from transformers import PreTrainedTokenizerFast

from steering.models.chat_model import ChatModel
from steering.models.inspection import inspect
from tests.helpers.tiny_models import (
    CHATML,
    CHATML_SPECIALS,
    CHATML_SUFFIX,
    SIZES,
    Family,
    make_tokenizer,
)

VISION: Mapping[str, Any] = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 8,
    "patch_size": 4,
}
DELTA_NET: Mapping[str, Any] = {
    "head_dim": 8,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "layer_types": [
        "linear_attention",
        "linear_attention",
        "full_attention",
        "linear_attention",
    ],
}
GEMMA_3: Mapping[str, Any] = {
    "head_dim": 8,
    "query_pre_attn_scalar": 8,
    "sliding_window": 8,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
}
LLAMA_4: Mapping[str, Any] = {
    "head_dim": 8,
    "intermediate_size_mlp": 48,
    "num_local_experts": 2,
    "interleave_moe_layer_step": 2,
    "attention_chunk_size": 16,
    "attn_temperature_tuning": False,
}


@dataclass(frozen=True)
class Architecture:
    """What a test needs to know of an architecture, said here and not read from the code.

    Attributes:
        network: Class of the model, by name.
        config: Class of its config, by name.
        writers: Of each of the four blocks, the parts that write into the residual stream.
        settings: Config values of the text model beyond SIZES.
        wrapped: Config values beside the text model's; None where there is no wrapper.
    """

    network: str
    config: str
    writers: tuple[tuple[str, ...], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    wrapped: Mapping[str, Any] | None = None


SHARING = ("gemma4", "falcon_h1")
"""Whose blocks hand on more than the stream: shared keys and values, or a tuple."""

DENSE = (("self_attn", "mlp"),) * 4
DELTA = (("linear_attn", "mlp"),) * 2 + (("self_attn", "mlp"), ("linear_attn", "mlp"))
POST_NORMS = (("post_attention_layernorm", "post_feedforward_layernorm"),) * 4

ARCHITECTURES: Mapping[str, Architecture] = {
    "qwen3": Architecture("Qwen3ForCausalLM", "Qwen3Config", DENSE, {"head_dim": 8}),
    "qwen3_next": Architecture(
        "Qwen3NextForCausalLM",
        "Qwen3NextConfig",
        DELTA,
        {
            **DELTA_NET,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
    ),
    "qwen3_5": Architecture("Qwen3_5ForCausalLM", "Qwen3_5TextConfig", DELTA, DELTA_NET),
    "qwen3_5_wrapped": Architecture(
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5Config",
        DELTA,
        DELTA_NET,
        wrapped={
            "vision_config": {
                "depth": 1,
                "hidden_size": 8,
                "intermediate_size": 8,
                "num_heads": 2,
                "out_hidden_size": 32,
                "num_position_embeddings": 16,
            }
        },
    ),
    "gemma3": Architecture("Gemma3ForCausalLM", "Gemma3TextConfig", POST_NORMS, GEMMA_3),
    "gemma3_wrapped": Architecture(
        "Gemma3ForConditionalGeneration",
        "Gemma3Config",
        POST_NORMS,
        GEMMA_3,
        wrapped={"vision_config": VISION, "mm_tokens_per_image": 1},
    ),
    "gemma4": Architecture(
        "Gemma4ForCausalLM",
        "Gemma4TextConfig",
        (
            (
                "post_attention_layernorm",
                "post_feedforward_layernorm",
                "post_per_layer_input_norm",
            ),
        )
        * 4,
        {
            "head_dim": 8,
            "global_head_dim": 8,
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 403,
            "num_kv_shared_layers": 2,
        },
    ),
    "gpt_oss": Architecture(
        "GptOssForCausalLM",
        "GptOssConfig",
        DENSE,
        {
            "head_dim": 8,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "sliding_window": 8,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        },
    ),
    "lfm2": Architecture(
        "Lfm2ForCausalLM",
        "Lfm2Config",
        (("conv", "feed_forward"), ("self_attn", "feed_forward")) * 2,
        {"layer_types": ["conv", "full_attention"] * 2, "conv_L_cache": 3},
    ),
    "smollm3": Architecture("SmolLM3ForCausalLM", "SmolLM3Config", DENSE),
    "olmo3": Architecture("Olmo3ForCausalLM", "Olmo3Config", POST_NORMS, {"sliding_window": 8}),
    "granitemoehybrid": Architecture(
        "GraniteMoeHybridForCausalLM",
        "GraniteMoeHybridConfig",
        (
            ("mamba", "block_sparse_moe", "shared_mlp"),
            ("self_attn", "block_sparse_moe", "shared_mlp"),
        )
        * 2,
        {
            "layer_types": ["linear_attention", "full_attention"] * 2,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "shared_intermediate_size": 16,
            "residual_multiplier": 0.22,
            "mamba_n_heads": 8,
            "mamba_d_head": 8,
            "mamba_d_state": 8,
            "mamba_n_groups": 1,
            "mamba_chunk_size": 8,
        },
    ),
    "llama4": Architecture(
        "Llama4ForCausalLM", "Llama4TextConfig", (("self_attn", "feed_forward"),) * 4, LLAMA_4
    ),
    "falcon_h1": Architecture(
        "FalconH1ForCausalLM",
        "FalconH1Config",
        (("mamba", "self_attn", "feed_forward"),) * 4,
        {
            "head_dim": 8,
            "mamba_d_ssm": 64,
            "mamba_n_heads": 8,
            "mamba_d_head": 8,
            "mamba_d_state": 8,
            "mamba_n_groups": 1,
            "mamba_chunk_size": 8,
        },
    ),
    "nemotron_h": Architecture(
        "NemotronHForCausalLM",
        "NemotronHConfig",
        (("mixer",),) * 4,
        {
            "layers_block_type": ["mamba", "attention", "mlp", "moe"],
            "head_dim": 8,
            "mamba_num_heads": 8,
            "mamba_head_dim": 8,
            "ssm_state_size": 8,
            "n_groups": 1,
            "chunk_size": 8,
            "n_routed_experts": 2,
            "moe_intermediate_size": 16,
            "moe_shared_expert_intermediate_size": 16,
        },
    ),
    "ministral3": Architecture("Ministral3ForCausalLM", "Ministral3Config", DENSE, {"head_dim": 8}),
    "mistral3": Architecture(
        "Mistral3ForConditionalGeneration",
        "Mistral3Config",
        DENSE,
        {"head_dim": 8, "model_type": "mistral", "sliding_window": None},
        wrapped={"vision_config": {**VISION, "model_type": "pixtral", "head_dim": 4}},
    ),
    "glm4": Architecture(
        "Glm4ForCausalLM",
        "Glm4Config",
        (("post_self_attn_layernorm", "post_mlp_layernorm"),) * 4,
        {"head_dim": 8},
    ),
}


def _config(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> Any:
    text = {
        **SIZES,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        **architecture.settings,
    }
    config = getattr(transformers, architecture.config)
    return (
        config(**text)
        if architecture.wrapped is None
        else config(text_config=text, **architecture.wrapped)
    )


TEXT = Family(torch.nn.Module, dict, CHATML, CHATML_SPECIALS, CHATML_SUFFIX)
"""The tokenizer that all of them share; its tokens and template are the `yi` family's."""


@functools.cache
def shared_tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer(TEXT)


def make(name: str, *, seed: int = 1) -> Any:
    """Return the network of one architecture; nobody shares it."""
    architecture = ARCHITECTURES[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = _config(architecture, shared_tokenizer())
        network = getattr(transformers, architecture.network)(config).eval()
        # Norms and biases start at one and zero in every model; a real one's are not alike.
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.data.add_(0.1 * torch.randn_like(parameter))
        for buffer_name, buffer in network.named_buffers():
            if buffer_name.endswith("layer_scalar"):
                buffer.fill_(0.7)
    network.requires_grad_(requires_grad=False)
    return network


@functools.cache
def build_2026(name: str) -> ChatModel:
    """Return the chat model of one architecture; shared, so only hooks may touch it."""
    return inspect(f"tiny-{name}", make(name), shared_tokenizer())
