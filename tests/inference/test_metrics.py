import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from steering.inference import metrics
from steering.inference.metrics import (
    answer_log_probabilities,
    kl_divergence,
    likeliest_tokens,
    perplexity,
    refusal_probability,
    refusal_score,
)

VOCAB = 7
LOGITS = arrays(np.float64, (3, VOCAB), elements=st.floats(-30, 30))
OPENERS = torch.tensor([1, 4])


def logits_of(*probabilities: float) -> torch.Tensor:
    """One row of logits whose softmax is `probabilities`."""
    return torch.tensor([probabilities], dtype=torch.float64).log()


# --- refusal score ---------------------------------------------------------------------------


def test_the_refusal_probability_is_the_sum_over_the_openers() -> None:
    logits = logits_of(0.5, 0.2, 0.2, 0.1)
    p = refusal_probability(logits, torch.tensor([1, 3]))
    assert p.item() == pytest.approx(0.3)
    assert refusal_score(logits, torch.tensor([1, 3])).item() == pytest.approx(math.log(0.3 / 0.7))


def test_an_even_chance_of_refusal_scores_zero() -> None:
    assert refusal_score(logits_of(0.5, 0.5), torch.tensor([0])).item() == pytest.approx(0.0)


@pytest.mark.parametrize(("opener", "score"), [(0, 18.420681), (1, -18.420681)])
def test_certainty_scores_the_logarithm_of_the_epsilon(opener: int, score: float) -> None:
    """ln(1 + 1e-8) - ln(1e-8) = 18.4207 at p = 1, and its negative at p = 0."""
    logits = torch.tensor([[200.0, -200.0]])
    assert refusal_score(logits, torch.tensor([opener])).item() == pytest.approx(score, abs=1e-5)


@settings(deadline=None)
@given(logits=LOGITS)
def test_the_refusal_probability_agrees_with_scipy_and_stays_a_probability(logits) -> None:
    p = refusal_probability(torch.from_numpy(logits), OPENERS)
    np.testing.assert_allclose(p, special.softmax(logits, axis=1)[:, [1, 4]].sum(1), atol=1e-12)
    assert ((p >= 0) & (p <= 1)).all()
    everything = torch.arange(VOCAB)  # sums to 1 up to rounding, and rounding may lift it above
    assert (refusal_probability(torch.from_numpy(logits), everything) <= 1).all()
    assert torch.isfinite(refusal_score(torch.from_numpy(logits), everything)).all()


@settings(deadline=None)
@given(logits=LOGITS, shift=st.floats(-100, 100))
def test_measures_ignore_a_shift_of_all_logits(logits, shift: float) -> None:
    one, other = torch.from_numpy(logits), torch.from_numpy(logits + shift)
    p, moved = refusal_probability(one, OPENERS), refusal_probability(other, OPENERS)
    torch.testing.assert_close(p, moved, atol=1e-10, rtol=1e-8)
    kl = kl_divergence(one, other)
    torch.testing.assert_close(kl, torch.zeros_like(kl), atol=1e-10, rtol=0)


@settings(deadline=None)
@given(logits=LOGITS, step=st.floats(0.5, 5))
def test_likelier_openers_never_lower_the_refusal_score(logits, step: float) -> None:
    before = torch.from_numpy(logits)
    after = before.clone()
    after[:, OPENERS] += step
    low, high = refusal_score(before, OPENERS), refusal_score(after, OPENERS)
    assert (high >= low - 1e-6).all()  # rounding, where p is within 1e-8 of its end
    clear = (low > -15) & (low < 15)  # the epsilon flattens both ends
    assert (high[clear] > low[clear]).all()


def test_bfloat16_logits_are_summed_in_double_precision() -> None:
    logits = torch.zeros(1, 151_936, dtype=torch.bfloat16)
    p = refusal_probability(logits, torch.tensor([40, 2121]))
    assert p.dtype == torch.float64
    assert p.item() == pytest.approx(2 / 151_936, rel=1e-12)


@pytest.mark.parametrize("openers", [[], [3, 3]])
def test_openers_must_be_there_and_differ(openers: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one token id, each once"):
        refusal_probability(torch.zeros(1, VOCAB), torch.tensor(openers, dtype=torch.long))


# --- KL divergence -----------------------------------------------------------------------------


def test_kl_of_a_hand_made_pair_counts_from_the_baseline() -> None:
    baseline, edited = logits_of(0.5, 0.5), logits_of(0.9, 0.1)
    forward = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    backward = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert kl_divergence(baseline, edited).item() == pytest.approx(forward)
    assert kl_divergence(edited, baseline).item() == pytest.approx(backward)
    assert forward != pytest.approx(backward)


@settings(deadline=None)
@given(one=LOGITS, other=LOGITS)
def test_kl_agrees_with_scipy_is_not_negative_and_is_zero_on_itself(one, other) -> None:
    kl = kl_divergence(torch.from_numpy(one), torch.from_numpy(other))
    p, log_q = special.softmax(one, axis=1), special.log_softmax(other, axis=1)
    oracle = (p * (special.log_softmax(one, axis=1) - log_q)).sum(1)
    np.testing.assert_allclose(kl, oracle, atol=1e-10, rtol=1e-9)
    assert (kl >= 0).all()
    assert torch.equal(kl_divergence(torch.from_numpy(one), torch.from_numpy(one)), torch.zeros(3))


def test_a_token_that_the_baseline_excludes_adds_nothing_to_kl() -> None:
    baseline, edited = logits_of(0.5, 0.5, 0.0), logits_of(0.25, 0.25, 0.5)
    assert kl_divergence(baseline, edited).item() == pytest.approx(math.log(2))
    assert kl_divergence(edited, baseline).item() == math.inf


# --- perplexity --------------------------------------------------------------------------------


def test_uniform_logits_have_the_perplexity_of_the_vocabulary() -> None:
    tokens = torch.randint(0, VOCAB, (2, 5), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 5, dtype=torch.bool)
    result = perplexity(torch.zeros(2, 5, VOCAB), tokens, mask)
    torch.testing.assert_close(result, torch.full((2,), float(VOCAB)))


def test_perplexity_is_the_geometric_mean_of_the_inverse_probabilities() -> None:
    logits = torch.stack([logits_of(0.5, 0.5, 0.0), logits_of(0.1, 0.1, 0.8)], dim=1)
    tokens, mask = torch.tensor([[0, 1]]), torch.ones(1, 2, dtype=torch.bool)
    expected = math.sqrt(1 / 0.5 * 1 / 0.1)
    assert perplexity(logits, tokens, mask).item() == pytest.approx(expected, rel=1e-6)


def test_masked_positions_are_not_read() -> None:
    logits = torch.randn(2, 4, VOCAB, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    clean = perplexity(logits, tokens, mask)
    alone = perplexity(logits[1:, :2], tokens[1:, :2], mask[1:, :2])
    torch.testing.assert_close(clean[1:], alone)
    logits[1, 2:], tokens[1, 2:] = torch.nan, -100
    torch.testing.assert_close(perplexity(logits, tokens, mask), clean)


def test_a_row_without_tokens_has_no_perplexity() -> None:
    mask = torch.tensor([[True, True], [False, False]])
    result = perplexity(torch.zeros(2, 2, VOCAB), torch.zeros(2, 2, dtype=torch.long), mask)
    assert result[0].item() == pytest.approx(VOCAB)
    assert result[1].isnan()
    nothing = torch.zeros(1, 0, dtype=torch.long)
    assert perplexity(torch.zeros(1, 0, VOCAB), nothing, nothing.bool()).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("room", [1, 2 * 3 * VOCAB, 10**9])
def test_chunks_change_nothing(monkeypatch, dtype: torch.dtype, room: int) -> None:
    monkeypatch.setattr(metrics, "_CHUNK_LOGITS", room)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 8, VOCAB, generator=generator).to(dtype)
    tokens = torch.randint(0, VOCAB, (2, 8), generator=generator)
    oracle = special.log_softmax(logits.double().numpy(), axis=-1)
    oracle = np.take_along_axis(oracle, tokens.numpy()[..., None], axis=-1)[..., 0]
    result = answer_log_probabilities(logits, tokens)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result, oracle, atol=1e-5)


def test_a_long_text_is_never_copied_to_float32_at_once(monkeypatch) -> None:
    monkeypatch.setattr(metrics, "_CHUNK_LOGITS", 4 * VOCAB)
    sizes, plain = [], torch.Tensor.float

    def watched(tensor):
        sizes.append(tensor.numel())
        return plain(tensor)

    monkeypatch.setattr(torch.Tensor, "float", watched)
    logits = torch.zeros(2, 9, VOCAB, dtype=torch.bfloat16)
    answer_log_probabilities(logits, torch.zeros(2, 9, dtype=torch.long))
    assert sizes
    assert max(sizes) <= 4 * VOCAB


# --- likeliest tokens ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_likeliest_tokens_are_those_of_a_softmax_chunked_or_not(monkeypatch, dtype) -> None:
    logits = torch.randn(9, VOCAB, generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = logits.double().log_softmax(-1).topk(3)
    for chunk in (metrics._CHUNK_LOGITS, 2 * VOCAB):
        monkeypatch.setattr(metrics, "_CHUNK_LOGITS", chunk)
        ids, found = likeliest_tokens(logits, 3)
        assert torch.equal(ids, expected.indices)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected.values, atol=1e-5, rtol=1e-5)


def test_there_are_never_more_likeliest_tokens_than_tokens() -> None:
    ids, found = likeliest_tokens(logits_of(0.5, 0.3, 0.2), 5)
    assert ids.tolist() == [[0, 1, 2]]
    assert found.exp().tolist()[0] == pytest.approx([0.5, 0.3, 0.2])
