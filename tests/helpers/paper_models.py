"""What was published with the five models of the paper."""

from dataclasses import dataclass, field
from typing import Any

from transformers import GemmaConfig, LlamaConfig, Qwen2Config


@dataclass(frozen=True)
class Paper:
    """What was published with a model, written down here.

    Attributes:
        hub: Its repository.
        family: The tiny model of its architecture in families.py.
        config: Config class, with the sizes of its config.json.
        template: The chat template of its tokenizer_config.json.
        before: What the template puts before the request: nothing is added to it.
        after: What it puts after the request.
        point: (position, layer) that Arditi et al. 2024 chose; for the Qwen model that of its
            predecessor Qwen-1.8B-Chat.
        strips: Whether the template strips blanks around a request.
        sizes: Config values.
    """

    hub: str
    family: str
    config: type
    template: str
    before: str
    after: str
    point: tuple[int, int]
    strips: bool
    sizes: dict[str, Any] = field(default_factory=dict)


LLAMA_SIZES = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "tie_word_embeddings": False,
}
ALTERNATING = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
)
CHATML_TURNS = (
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_AFTER = "<|im_end|>\n<|im_start|>assistant\n"

PAPER = {
    "gemma-2b-it": Paper(
        hub="google/gemma-2b-it",
        family="gemma",
        config=GemmaConfig,
        template=(
            "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
            "{{ raise_exception('System role not supported') }}{% endif %}"
            "{% for message in messages %}"
            + ALTERNATING
            + "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
            "{% else %}{% set role = message['role'] %}{% endif %}"
            "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
        ),
        before="<bos><start_of_turn>user\n",
        after="<end_of_turn>\n<start_of_turn>model\n",
        point=(-2, 10),
        strips=True,
        sizes={
            "vocab_size": 256000,
            "hidden_size": 2048,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "intermediate_size": 16384,
            "tie_word_embeddings": True,
        },
    ),
    "qwen1.5-1.8b-chat": Paper(
        hub="Qwen/Qwen1.5-1.8B-Chat",
        family="qwen2",
        config=Qwen2Config,
        template=(
            "{% for message in messages %}"
            "{% if loop.first and messages[0]['role'] != 'system' %}"
            "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
            + CHATML_TURNS
        ),
        before=("<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\n"),
        after=CHATML_AFTER,
        point=(-2, 15),
        strips=False,
        sizes={
            "vocab_size": 151936,
            "hidden_size": 2048,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "intermediate_size": 5504,
            "tie_word_embeddings": False,
        },
    ),
    "yi-6b-chat": Paper(
        hub="01-ai/Yi-6B-Chat",
        family="yi",
        config=LlamaConfig,
        template=(
            "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}"
            "{% endif %}{% for message in messages %}" + CHATML_TURNS
        ),
        before="<|im_start|>user\n",
        after=CHATML_AFTER,
        point=(-5, 20),
        strips=False,
        sizes={**LLAMA_SIZES, "vocab_size": 64000, "num_key_value_heads": 4},
    ),
    "llama-2-7b-chat": Paper(
        hub="meta-llama/Llama-2-7b-chat-hf",
        family="llama2",
        config=LlamaConfig,
        template=(
            "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
            "{% set system_message = messages[0]['content'] %}{% else %}"
            "{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
            "{% for message in loop_messages %}"
            + ALTERNATING
            + "{% if loop.index0 == 0 and system_message != false %}"
            "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + "
            "message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
            "{% if message['role'] == 'user' %}"
            "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
            "{% elif message['role'] == 'assistant' %}"
            "{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
        ),
        before="<s>[INST] ",
        after=" [/INST]",
        point=(-1, 14),
        strips=True,
        sizes={**LLAMA_SIZES, "vocab_size": 32000, "num_key_value_heads": 32},
    ),
    "llama-3-8b-instruct": Paper(
        hub="meta-llama/Meta-Llama-3-8B-Instruct",
        family="llama3",
        config=LlamaConfig,
        template=(
            "{% set loop_messages = messages %}{% for message in loop_messages %}"
            "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ "
            "message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
            "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
            "{% if add_generation_prompt %}"
            "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
        ),
        before="<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
        after="<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        point=(-5, 12),
        strips=True,
        sizes={
            **LLAMA_SIZES,
            "vocab_size": 128256,
            "num_key_value_heads": 8,
            "intermediate_size": 14336,
        },
    ),
}
