import pytest
import torch

from steering.models.chat_model import ChatModel
from steering.models.constant_first_token import remarks
from steering.models.inspection import inspect
from tests.helpers.tiny_models_2026 import build_2026, make, shared_tokenizer


def with_head(change) -> ChatModel:
    network = make("qwen3")
    change(network)
    return inspect("odd", network, shared_tokenizer())


def test_of_a_model_that_listens_nothing_is_said(family_model):
    assert family_model.warnings == ()
    assert build_2026("gemma4").warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.lm_head.weight.zero_(),
        lambda network: network.lm_head.weight.copy_(
            network.lm_head.weight[:1].clone().expand(403, -1)
        ),
        lambda network: network.model.norm.weight.zero_(),
        lambda network: network.lm_head.register_forward_hook(
            lambda _module, _args, logits: logits.clone().index_fill_(-1, torch.tensor(7), 1e4)
        ),
    ],
    ids=["zero head", "equal rows", "nothing reaches the head", "one token always"],
)
def test_a_model_whose_first_token_is_always_the_same_says_so(change):
    model = with_head(change)
    (warning,) = model.warnings
    assert "odd begins every answer alike" in warning
    assert "KL and refusal score" in warning


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_whose_logits_are_no_numbers_says_so(value):
    model = with_head(lambda network: network.lm_head.weight[3].fill_(value))
    (warning,) = model.warnings
    assert "next-token logits of odd are not finite" in warning


def test_distributions_count_as_the_same_by_their_divergence_not_their_logits():
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0)).expand(4, -1)
    shifted = logits + torch.arange(4.0)[:, None]
    assert remarks("m", shifted, "I")
    tilted = logits.clone()
    tilted[2, 5] += 3
    assert remarks("m", tilted, "I") == ()
