"""Chat templates of many kinds, cut to what tests need, and tokenizers for them."""

from collections.abc import Sequence

from families import CHATML, CHATML_SPECIALS, FAMILIES, make_tokenizer
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

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
