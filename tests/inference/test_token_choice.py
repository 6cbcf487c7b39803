"""How the next token is chosen."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.inference.sampling import Sampling
from steering.inference.token_choice import TokenChoice


def shares(logits: torch.Tensor, **settings) -> torch.Tensor:
    choose = TokenChoice(Sampling(seed=5, **settings))
    drawn = torch.tensor([choose(logits)[0] for _ in range(2_500)])
    return torch.bincount(drawn, minlength=logits.shape[-1]) / len(drawn)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_with_the_probabilities_of_the_temperature(temperature):
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    # Four standard errors of a share of 2,500 draws are at most 0.04.
    torch.testing.assert_close(
        shares(logits, temperature=temperature),
        (logits[0] / temperature).softmax(-1),
        atol=0.04,
        rtol=0,
    )


def test_top_p_draws_from_the_smallest_likely_set_only():
    probabilities = torch.tensor([[0.1, 0.5, 0.05, 0.3, 0.05]])
    for top_p, kept in ((0.3, [1]), (0.85, [0, 1, 3]), (1.0, [0, 1, 2, 3, 4])):
        found = shares(probabilities.log(), temperature=1.0, top_p=top_p)
        expected = torch.zeros(5)
        expected[kept] = probabilities[0, kept] / probabilities[0, kept].sum()
        assert found.nonzero().flatten().tolist() == kept
        torch.testing.assert_close(found, expected, atol=0.04, rtol=0)


@given(
    logits=st.lists(st.integers(-10, 10).map(float), min_size=2, max_size=8),
    top_p=st.floats(0.01, 1),
    seed=st.integers(0, 1000),
)
def test_a_tiny_temperature_or_top_p_takes_a_likeliest_token(logits, top_p, seed):
    row = torch.tensor([logits])
    top = row.max()
    for sampling in (
        Sampling(temperature=0.0, top_p=top_p, seed=seed),
        Sampling(temperature=3.0, top_p=0.01, seed=seed),
    ):
        assert row[0, TokenChoice(sampling)(row)[0]] == top


def test_every_row_of_a_batch_has_its_own_nucleus():
    logits = torch.tensor([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9]]).log()
    choose = TokenChoice(Sampling(temperature=1.0, top_p=0.5))
    assert {tuple(choose(logits)) for _ in range(50)} == {(0, 2)}


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-40, 1e-6])
@pytest.mark.parametrize("top_p", [0.01, 0.5, 1.0])
def test_a_temperature_next_to_zero_chooses_as_zero_does(temperature, top_p):
    logits = torch.randn(5, 400, generator=torch.Generator().manual_seed(1)) * 30
    logits[0, 7] = logits[0].max() + 1e-3
    logits[1, 3] = -torch.inf  # a token that the model rules out
    near = TokenChoice(Sampling(temperature=temperature, top_p=top_p))(logits)
    assert near == TokenChoice(Sampling())(logits) == logits.argmax(-1).tolist()


@pytest.mark.parametrize("temperature", [1e-3, 0.7, 5.0])
def test_tokens_are_drawn_by_their_probability_at_every_temperature(temperature):
    logits = torch.tensor([[1.0, 0.0, -2.0]])
    choose = TokenChoice(Sampling(temperature=temperature))
    drawn = torch.bincount(torch.tensor([choose(logits)[0] for _ in range(4000)]), minlength=3)
    expected = (logits[0].double() / temperature).softmax(-1)
    assert (drawn / 4000 - expected).abs().max() < 0.03  # four standard errors
