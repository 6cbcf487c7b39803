"""Networks of a shape with random weights."""

import pytest
import torch

from steering.bench import random_model
from steering.bench.random_model import LLAMA_3_8B, TINY, build
from steering.errors import SteeringError


def test_a_network_has_the_shape_that_was_asked_for(tiny):
    model = build(TINY, tiny, "none")
    assert (model.n_layers, model.d_model, model.dtype) == (TINY.blocks, 64, torch.bfloat16)
    attention = model.blocks[0].self_attn
    assert attention.k_proj.weight.shape == (64 * TINY.key_heads // TINY.heads, 64)
    assert model.blocks[0].mlp.up_proj.weight.shape == (TINY.d_mlp, 64)
    assert model.abilities.joins
    again = build(TINY, tiny, "none")
    assert torch.equal(attention.k_proj.weight, again.blocks[0].self_attn.k_proj.weight)


def test_the_large_shape_has_as_many_weights_as_the_published_model():
    shape, d_head = LLAMA_3_8B, LLAMA_3_8B.d_model // LLAMA_3_8B.heads
    attention = 2 * shape.d_model**2 + 2 * shape.d_model * shape.key_heads * d_head
    block = attention + 3 * shape.d_model * shape.d_mlp + 2 * shape.d_model
    whole = shape.blocks * block + 2 * shape.vocabulary * shape.d_model + shape.d_model
    assert whole == 8_030_261_248


def test_nf4_holds_every_matrix_of_the_blocks_and_not_the_head(tiny):
    bnb = pytest.importorskip("bitsandbytes")
    model = build(TINY, tiny, "nf4")
    held = [type(m) for m in model.network.modules() if isinstance(m, torch.nn.Linear)]
    assert held.count(bnb.nn.Linear4bit) == 7 * TINY.blocks
    assert held.count(torch.nn.Linear) == 1
    assert model.blocks[0].mlp.up_proj.weight.dtype == torch.uint8


def test_without_bitsandbytes_nf4_is_refused(tiny, monkeypatch):
    def refuse():
        raise SteeringError("bitsandbytes is not installed")

    monkeypatch.setattr(random_model.number_formats, "require_bitsandbytes", refuse)
    with pytest.raises(SteeringError, match="not installed"):
        build(TINY, tiny, "nf4")
