"""What is checked of a model at load."""

import pytest
import torch

from steering.errors import SteeringError
from steering.models import int8_linear
from steering.models.inspection import inspect, quantized

TEXTS = (
    "How do I paint a car?",
    "Why",
    "Tell me, please: what is 7 + 7",
    "Ünïcödé 猫 🦊",
    "I. I. I",
)


def test_an_opener_of_several_tokens_is_refused(tiny):
    with pytest.raises(SteeringError, match=r"'Unfortunately' is \d+ tokens for small"):
        inspect("small", tiny.network, tiny.tokenizer, openers=["I", "Unfortunately"])
    with pytest.raises(SteeringError, match="'' is 0 tokens"):
        inspect("small", tiny.network, tiny.tokenizer, openers=[""])


def test_a_network_in_training_mode_is_put_in_evaluation_mode(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    assert not inspect("small", network.train(), tokenizer).network.training


@pytest.mark.parametrize("template", [None, ""])
def test_a_model_without_chat_template_is_refused(tiny, own_copy, template):
    network, tokenizer = own_copy(tiny)
    tokenizer.chat_template = template
    with pytest.raises(SteeringError, match=r"small has no chat template.*instruct version"):
        inspect("small", network, tokenizer)


def test_a_template_that_appends_nothing_is_refused(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(SteeringError, match="appends 0 tokens after the user's text"):
        inspect("small", network, tokenizer)


def test_a_template_that_ignores_the_request_is_refused(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    tokenizer.chat_template = "Hello"
    with pytest.raises(SteeringError, match=r"the chat template of small appends \d+ tokens"):
        inspect("small", network, tokenizer)


def test_a_hook_that_sees_another_width_is_refused(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    network.config.hidden_size = 33
    with pytest.raises(SteeringError, match=r"block \d of small sees \(1, \d+, 32\).*33\)"):
        inspect("small", network, tokenizer)


def test_blocks_that_do_not_run_are_refused(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    output = tiny.network.model(torch.tensor([[1, 2]]))
    network.model.forward = lambda **_: output
    with pytest.raises(SteeringError, match="the blocks of small do not run"):
        inspect("small", network, tokenizer)


@pytest.mark.skipif(not int8_linear.runs(), reason="this machine multiplies no eight bits")
def test_every_family_takes_fast_products_and_keeps_its_hooks(family_model, own_copy, monkeypatch):
    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", 0)
    exact = family_model.next_token_logits([family_model.render("Hello")])
    network, tokenizer = own_copy(family_model)
    fast = quantized(inspect(family_model.name, network, tokenizer), 2)
    held = {id(module) for module in fast.network.modules()}
    assert all(id(module) in held for each in fast.writers for module in each.modules.values())
    assert [each.modules.keys() for each in fast.writers] == [
        each.modules.keys() for each in family_model.writers
    ]
    found = fast.next_token_logits([fast.render("Hello")])
    off = (found - exact).square().mean().sqrt() / exact.std()
    assert 0 < float(off) < 0.2
