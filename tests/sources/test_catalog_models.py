"""General chat models of the catalog, without their weights: published sizes, and tiny
random models of their classes, found where the hub would have put them."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from steering.models.chat_model import ChatModel
from steering.sources.catalog import CatalogEntry, catalog
from tests.helpers import templates
from tests.helpers.fake_hub import load_as_fetched
from tests.helpers.tiny_models import Family, make_network, make_tokenizer

REQUEST = "How do I paint the chair?"

CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LLAMA = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
GEMMA = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
PHI = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")


@dataclass(frozen=True)
class Published:
    """What was published with a model, written down here.

    Attributes:
        hub: Its repository.
        network: Its class.
        config: Its config class.
        template: Key of its chat template in `templates.PUBLISHED`.
        specials: The template's control tokens.
        bos: The first of them in every prompt, if any.
        before: What the template puts before the request, or its end where a date stands in it.
        after: What it puts after the request.
        sizes: d_model, layers, MLP width, heads, key-value heads, head width, vocabulary.
    """

    hub: str
    network: type
    config: type
    template: str
    specials: tuple[str, ...]
    bos: str | None
    before: str
    after: str
    sizes: tuple[int, int, int, int, int, int, int]

    def full(self) -> Any:
        """The config of the real size."""
        names = (
            "hidden_size",
            "num_hidden_layers",
            "intermediate_size",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "vocab_size",
        )
        sizes = dict(zip(names, self.sizes, strict=True))
        if self.config in (Qwen2Config, Phi3Config):
            del sizes["head_dim"]
        return self.config(**sizes, tie_word_embeddings=True)


def qwen2(hub: str, *sizes: int) -> Published:
    system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    return Published(
        f"Qwen/{hub}",
        Qwen2ForCausalLM,
        Qwen2Config,
        "qwen2.5",
        CHATML,
        None,
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
        sizes,
    )


def qwen3(hub: str, *sizes: int) -> Published:
    return Published(
        f"Qwen/{hub}",
        Qwen3ForCausalLM,
        Qwen3Config,
        "qwen3",
        CHATML,
        None,
        "<|im_start|>user\n",
        # Thinking is off where nobody asks for it.
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        sizes,
    )


def llama(hub: str, *sizes: int) -> Published:
    return Published(
        f"meta-llama/{hub}",
        LlamaForCausalLM,
        LlamaConfig,
        "llama-3.2",
        LLAMA,
        "<|begin_of_text|>",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        sizes,
    )


PUBLISHED = {
    "qwen2.5-0.5b-instruct": qwen2("Qwen2.5-0.5B-Instruct", 896, 24, 4864, 14, 2, 64, 151936),
    "qwen2.5-1.5b-instruct": qwen2("Qwen2.5-1.5B-Instruct", 1536, 28, 8960, 12, 2, 128, 151936),
    "qwen2.5-3b-instruct": qwen2("Qwen2.5-3B-Instruct", 2048, 36, 11008, 16, 2, 128, 151936),
    "qwen3-0.6b": qwen3("Qwen3-0.6B", 1024, 28, 3072, 16, 8, 128, 151936),
    "qwen3-1.7b": qwen3("Qwen3-1.7B", 2048, 28, 6144, 16, 8, 128, 151936),
    "qwen3-4b": qwen3("Qwen3-4B", 2560, 36, 9728, 32, 8, 128, 151936),
    "llama-3.2-1b-instruct": llama("Llama-3.2-1B-Instruct", 2048, 16, 8192, 32, 8, 64, 128256),
    "llama-3.2-3b-instruct": llama("Llama-3.2-3B-Instruct", 3072, 28, 8192, 24, 8, 128, 128256),
    "gemma-3-1b-it": Published(
        "google/gemma-3-1b-it",
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        "gemma-3",
        GEMMA,
        "<bos>",
        "<bos><start_of_turn>user\n",
        "<end_of_turn>\n<start_of_turn>model\n",
        (1152, 26, 6912, 4, 1, 256, 262144),
    ),
    "smollm2-1.7b-instruct": Published(
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        LlamaForCausalLM,
        LlamaConfig,
        "smollm2",
        CHATML,
        None,
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
        (2048, 24, 8192, 32, 32, 64, 49152),
    ),
    "phi-4-mini-instruct": Published(
        "microsoft/Phi-4-mini-instruct",
        Phi3ForCausalLM,
        Phi3Config,
        "phi-4-mini",
        PHI,
        None,
        "<|user|>",
        "<|end|><|assistant|>",
        (3072, 32, 8192, 24, 8, 128, 200064),
    ),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def name(request) -> str:
    """Each of them, by its catalog name."""
    return request.param


@pytest.fixture(scope="module")
def published(name) -> Published:
    return PUBLISHED[name]


@pytest.fixture(scope="module")
def entry(name) -> CatalogEntry:
    return catalog()[name]


@pytest.fixture(scope="module")
def model(published, entry, tmp_path_factory) -> ChatModel:
    """A tiny model of the class with the like of its template, in the cache of the hub's client."""
    settings: dict[str, Any] = {}
    if published.config is not Phi3Config and published.config is not Qwen2Config:
        settings["head_dim"] = 8
    if published.config is Gemma3TextConfig:
        settings |= {"query_pre_attn_scalar": 8, "sliding_window": 8}
    family = Family(
        published.network,
        published.config,
        "",
        published.specials,
        published.after,
        published.bos,
        settings,
    )
    tokenizer = copy.deepcopy(make_tokenizer(family))
    # The published vocabularies have it as a token; the tiny one has not read it.
    tokenizer.add_tokens(["Sorry"])
    tokenizer.chat_template = templates.PUBLISHED[published.template]
    network = make_network(family, tokenizer, seed=1)
    return load_as_fetched(tmp_path_factory.mktemp("hub"), entry, network, tokenizer)


def test_the_catalog_has_the_sizes_of_the_published_architecture(published, entry):
    """Built without memory for its weights, from the sizes in its config.json."""
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(published.full())
    assert type(network) is published.network
    assert entry.hub == published.hub
    assert entry.parameters == sum(weight.numel() for weight in network.parameters())
    assert entry.embeddings == network.get_input_embeddings().weight.numel()
    assert network.get_output_embeddings().weight is network.get_input_embeddings().weight
    assert (entry.n_layers, entry.d_model) == published.sizes[1::-1]


def test_a_request_stands_in_the_published_template(published, model):
    text = model.tokenizer.decode(model.render(REQUEST))
    start, end = text.split(REQUEST)
    assert start.endswith(published.before)
    assert end == published.after
    assert "".join(model.suffix) == published.after
    assert text.count(published.bos or "<none>") == (1 if published.bos else 0)


def test_the_openers_are_the_catalogs_and_single_tokens(entry, model):
    assert tuple(model.openers) == entry.refusal_openers
    assert model.provenance["source"] == f"hub:{entry.hub}"


def test_the_catalog_says_what_the_template_can_do(published, entry):
    template = templates.PUBLISHED[published.template]
    assert entry.thinking_switch == ("enable_thinking" in template)
    assert entry.writes_date == ("strftime_now" in template)
