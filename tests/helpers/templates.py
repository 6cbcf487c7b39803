"""Chat templates of many kinds, cut to what tests need, and tokenizers for them."""

from collections.abc import Sequence

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from steering.chat_templates.chat_template import ChatTemplate, open_template
from tests.helpers.tiny_models import CHATML, CHATML_SPECIALS, FAMILIES, make_tokenizer

SWITCHED = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""Thinking is closed by an empty block, and left to the model otherwise (Qwen3)."""
SWITCHED_OPEN = SWITCHED.replace(
    "{% endif %}{% endif %}", "{% else %}{{ '<think>\n' }}{% endif %}{% endif %}"
)
"""The same, but opened by the template (Qwen3.5)."""
IN_REQUEST = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + ('/nothink' if enable_thinking is defined and not enable_thinking else '')"
    " + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant' }}"
    "{{ '\n<think></think>' if enable_thinking is defined and not enable_thinking else '' }}"
    "{% endif %}"
)
"""Thinking is switched off in the request as well, without line ends in the block (GLM)."""
IN_SYSTEM = (
    "{% if thinking %}{{ '<|im_start|>system\nWrite Here is my thought process: first.<|im_end|>\n'"
    " }}{% endif %}" + CHATML
)
"""Thinking is asked for in the system prompt, in plain words (Granite)."""
CLOSED_TAG = CHATML.replace(
    "<|im_start|>assistant\n' }}",
    "<|im_start|>assistant\n' }}{{ '<think>' if thinking else '</think>' }}",
)
"""Thinking is opened, or only closed (DeepSeek-V3.1)."""
ALWAYS = CHATML.replace("<|im_start|>assistant\n'", "<|im_start|>assistant\n<think>\n'")
"""Thinking is always opened (DeepSeek-R1)."""
CHANNELS = (
    "{{ '<|start|>system<|message|>Reasoning: ' + (reasoning_effort or 'medium') + '<|end|>' }}"
    "{% for message in messages %}{% if message.role == 'assistant' %}"
    "{{ '<|start|>assistant<|channel|>analysis<|message|>' }}{% endif %}"
    "{{ '<|start|>' + message['role'] + '<|message|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
"""The answer comes in channels (gpt-oss)."""
DATED = (
    "{% if not date_string is defined %}{% if strftime_now is defined %}"
    "{% set date_string = strftime_now('%d %b %Y') %}{% else %}"
    "{% set date_string = '26 Jul 2024' %}"
    "{% endif %}{% endif %}{{ '<|im_start|>system\nToday Date: ' + date_string + '<|im_end|>\n' }}"
    + CHATML
)
"""Tells the model what day it is (Llama-3.1)."""
DATED_IN_MACRO = (
    "{% macro today() %}{{ strftime_now('%A, %B %-d, %Y') }}{% endmacro %}"
    "\n  {{- '<|im_start|>system\nIt is ' + today() + '.<|im_end|>\n' }}" + CHATML
)
"""The same, by a macro of its own and in other words."""
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + CHATML
)
"""Refuses a system prompt (Gemma)."""
DROPS_SYSTEM = CHATML.replace(
    "{% for message in messages %}", "{% for message in messages if message['role'] == 'user' %}"
)
"""Takes a system prompt and does not write it."""

CHANNEL_SPECIALS = (
    "<|endoftext|>",
    "<|start|>",
    "<|message|>",
    "<|channel|>",
    "<|end|>",
    "<|ret|>",
)


def tokenizer_with(
    template: str, *, specials: Sequence[str] = CHATML_SPECIALS, added: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with a template and added tokens that are not special."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer(FAMILIES["qwen2"])._tokenizer,
        eos_token=specials[-1],
        pad_token=specials[0],
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_special_tokens({"additional_special_tokens": list(specials[1:-1])})
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    return tokenizer


def plainly(tokenizer: PreTrainedTokenizerFast, prompt: str, **options: object) -> list[int]:
    """Return the ids that transformers gives by itself."""
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
        **options,
    )


TURNS = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content"
    " + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def with_default_system(words: str) -> str:
    """A ChatML template that gives a system prompt of its own where none is given."""
    return (
        "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\n"
        + words
        + "<|im_end|>\n' }}{% endif %}"
        + TURNS
    )


PUBLISHED = {
    "qwen2.5": with_default_system(
        "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    ),
    "qwen3": SWITCHED,
    "smollm2": with_default_system(
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    ),
    "llama-3.2": (
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set own = messages[0].content %}"
        "{% set turns = messages[1:] %}{% else %}{% set own = '' %}{% set turns = messages %}"
        "{% endif %}{{ '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
        "December 2023\nToday Date: ' + strftime_now('%d %b %Y') + '\n\n' + own + '<|eot_id|>' }}"
        "{% for message in turns %}{{ '<|start_header_id|>' + message.role + "
        "'<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "gemma-3": (
        "{{ bos_token }}{% set first = messages[0].content + '\n\n' if messages[0].role == 'system'"
        " else '' %}{% for message in messages if message.role != 'system' %}"
        "{{ '<start_of_turn>' + message.role + '\n' + (first if loop.first else '')"
        " + message.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "phi-4-mini": (
        "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content"
        " + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    ),
}
"""Written for these tests: they render a request, with or without a system prompt, as the templates
of these models do; what those do with tools and earlier turns is left out."""


REQUEST = "How do I paint a car?"


def opened(source: str, **options: object) -> ChatTemplate:
    """Return the opened template of a small model."""
    return open_template("small", tokenizer_with(source), **options)
