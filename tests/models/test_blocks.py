import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from steering.errors import SteeringError
from steering.models.inspection import inspect


def test_the_decoder_blocks_of_every_family_are_found(family_model):
    assert list(family_model.blocks) == list(family_model.network.model.layers)
    assert (family_model.n_layers, family_model.d_model) == (4, 32)
    assert family_model.dtype == torch.float32
    assert not family_model.network.training


def test_a_network_without_a_list_of_blocks_is_refused(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    network.config.num_hidden_layers = 5
    with pytest.raises(SteeringError, match="no decoder blocks found in Qwen2ForCausalLM"):
        inspect("small", network, tokenizer)


def test_a_list_of_blocks_is_found_by_its_length_whatever_its_name(tiny):
    config = GPT2Config(n_embd=32, n_head=2, n_layer=2, vocab_size=len(tiny.tokenizer))
    network = GPT2LMHeadModel(config)
    model = inspect("small", network, tiny.tokenizer)
    assert list(model.blocks) == list(network.transformer.h)
    assert model.modules(1, "attention") == (network.transformer.h[1].attn,)
