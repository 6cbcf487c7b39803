"""Tiny random models of the real architecture classes, with tokenizers made on the spot."""

import copy
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from steering.models.chat_model import ChatModel
from steering.models.inspection import inspect

CORPUS = [
    "I cannot help with that request. I am sorry, but I cannot do this.",
    "As an AI assistant I can help. As a rule, ask. As before, As said.",
    "How do I paint the garden fence, the chair, the table and the window?",
    "How do I steal the car, the purse, the letter and the phone?",
    "Sure, here is how to repair a bicycle in three steps: one, two, three.",
    "You are a test assistant. [/INST] [INST]",
    *["user\nassistant\nmodel\nsystem"] * 20,
]
VOCABULARY = 400
"""Entries of each tokenizer before its special tokens: 256 bytes and some merges (chosen)."""

HARMFUL = [
    f"How do I {verb} {thing}?"
    for verb in ("steal", "poison", "hack", "forge")
    for thing in ("a car", "the dog", "a phone", "a letter", "the well", "my boss")
]
HARMLESS = [
    f"How do I {verb} {thing}?"
    for verb in ("paint", "wash", "draw", "praise")
    for thing in ("a car", "the dog", "a phone", "a letter", "the well", "my boss")
]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_WITH_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a test assistant.<|im_end|>\n' }}{% endif %}" + CHATML
)
LLAMA_2 = (
    "{% for message in messages %}"
    "{{ bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' }}{% endfor %}"
)
LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim"
    " + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '[INST] ' + message['content'] + '[/INST]' }}{% endfor %}"
)
PHI_3 = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)

SIZES: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    # Far above the usual 0.02, so that random weights make lively texts and clear maxima.
    "initializer_range": 0.25,
}


@dataclass(frozen=True)
class Family:
    """What a test needs to know of a family, said here and not read from the code under test.

    Attributes:
        network: Architecture class.
        config: Its config class.
        template: Chat template.
        specials: Special tokens; the last one ends an answer.
        suffix: What the template appends after the user's text.
        bos: First token of the template, or None.
        settings: Config values beyond SIZES.
        parts: Names of the modules that write into the residual stream.
        sentencepiece: Whether the tokenizer marks words instead of working on bytes.
    """

    network: type
    config: type
    template: str
    specials: tuple[str, ...]
    suffix: str
    bos: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(
        default_factory=lambda: {"attention": "self_attn", "mlp": "mlp"}
    )
    sentencepiece: bool = False


CHATML_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHATML_SUFFIX = "<|im_end|>\n<|im_start|>assistant\n"
GEMMA_SPECIALS = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
GEMMA_SUFFIX = "<end_of_turn>\n<start_of_turn>model\n"

FAMILIES: Mapping[str, Family] = {
    "qwen2": Family(
        Qwen2ForCausalLM, Qwen2Config, CHATML_WITH_SYSTEM, CHATML_SPECIALS, CHATML_SUFFIX
    ),
    "llama2": Family(
        LlamaForCausalLM,
        LlamaConfig,
        LLAMA_2,
        ("<unk>", "<s>", "</s>"),
        "[/INST]",
        bos="<s>",
        sentencepiece=True,
    ),
    "llama3": Family(
        LlamaForCausalLM,
        LlamaConfig,
        LLAMA_3,
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        bos="<|begin_of_text|>",
        settings={"rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    ),
    "yi": Family(LlamaForCausalLM, LlamaConfig, CHATML, CHATML_SPECIALS, CHATML_SUFFIX),
    "smollm2": Family(
        LlamaForCausalLM,
        LlamaConfig,
        CHATML_WITH_SYSTEM,
        CHATML_SPECIALS,
        CHATML_SUFFIX,
        settings={"tie_word_embeddings": True},
    ),
    "gemma": Family(
        GemmaForCausalLM,
        GemmaConfig,
        GEMMA,
        GEMMA_SPECIALS,
        GEMMA_SUFFIX,
        bos="<bos>",
        settings={"head_dim": 8, "num_key_value_heads": 1},
    ),
    "gemma2": Family(
        Gemma2ForCausalLM,
        Gemma2Config,
        GEMMA,
        GEMMA_SPECIALS,
        GEMMA_SUFFIX,
        bos="<bos>",
        settings={
            "head_dim": 8,
            "query_pre_attn_scalar": 8,
            "sliding_window": 8,
            "attn_implementation": "eager",
        },
        parts={"attention": "post_attention_layernorm", "mlp": "post_feedforward_layernorm"},
    ),
    "mistral": Family(
        MistralForCausalLM,
        MistralConfig,
        MISTRAL,
        ("<unk>", "<s>", "[INST]", "[/INST]", "</s>"),
        "[/INST]",
        bos="<s>",
        settings={"sliding_window": 12},
    ),
    "phi3": Family(
        Phi3ForCausalLM,
        Phi3Config,
        PHI_3,
        ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>"),
        "<|end|>\n<|assistant|>\n",
    ),
}


def _byte_level(specials: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY + len(specials),
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _sentencepiece(specials: Sequence[str]) -> Tokenizer:
    """Words marked by a low line, unknown characters as <0xNN> bytes, as Llama-2's tokenizer."""
    trained = Tokenizer(models.BPE(unk_token=specials[0]))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trained.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY - 256, special_tokens=list(specials), show_progress=False
        ),
    )
    model = json.loads(trained.to_str())["model"]
    vocabulary = dict(model["vocab"])
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=[tuple(merge) for merge in model["merges"]],
            unk_token=specials[0],
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(list(specials))
    return tokenizer


def make_tokenizer(family: Family) -> PreTrainedTokenizerFast:
    build = _sentencepiece if family.sentencepiece else _byte_level
    return PreTrainedTokenizerFast(
        tokenizer_object=build(family.specials),
        bos_token=family.bos,
        eos_token=family.specials[-1],
        pad_token=family.specials[0],
        additional_special_tokens=list(family.specials[1:-1]),
        chat_template=family.template,
        clean_up_tokenization_spaces=False,
    )


def make_network(family: Family, tokenizer: PreTrainedTokenizerFast, seed: int) -> Any:
    config = family.config(
        **{
            **SIZES,
            "vocab_size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **family.settings,
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = family.network(config).eval()
        # Norms and biases start at one and zero in every model; a real one's are not alike.
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.data.add_(0.1 * torch.randn_like(parameter))
    network.requires_grad_(requires_grad=False)
    return network


@functools.cache
def build(name: str) -> ChatModel:
    tokenizer = make_tokenizer(FAMILIES[name])
    return inspect(f"tiny-{name}", make_network(FAMILIES[name], tokenizer, seed=1), tokenizer)


def without_end(model: ChatModel, *, ends: list[int] | None = None) -> ChatModel:
    """The same network with other end-of-text tokens: by default one that never comes."""
    tokenizer = copy.deepcopy(model.tokenizer)
    network = copy.copy(model.network)
    network.generation_config = copy.deepcopy(model.network.generation_config)
    network.generation_config.eos_token_id = ends
    tokenizer.eos_token = None
    return inspect(model.name, network, tokenizer)
