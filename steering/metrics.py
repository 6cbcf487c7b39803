"""What is measured beside the text: refusal score, KL divergence, perplexity, and intervals.

Refusal score and its 1e-8 follow Arditi et al. 2024 (arXiv:2406.11717, sec. 2.3); KL divergence is
that of the next token, baseline first, as in their selection rule. Rates carry a Wilson interval;
two panels answer the same prompts, so their difference is a paired one (McNemar, bootstrap).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import stats
from torch import Tensor

_EPSILON = 1e-8
"""Keeps the logarithms of the refusal score finite; it ends at ±18.4 (Arditi et al. 2024)."""

_CHUNK_LOGITS = 2**24
"""Logits held in float32 at a time: 64 MiB (chosen; a row of Qwen2.5's vocabulary is 0.6 MiB)."""

_RESAMPLES = 9_999
"""Bootstrap resamples; scipy's default, and the interval's ends then move by less than 0.01."""

_CONFIDENCE = 0.95
"""The share of intervals that hold the true value; the convention of the field."""


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its confidence interval, all in the estimate's unit.

    Attributes:
        estimate: The observed value.
        low: Lower end, at most the estimate.
        high: Upper end, at least the estimate.
    """

    estimate: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse ends that do not enclose the estimate."""
        if not self.low <= self.estimate <= self.high:
            raise ValueError(f"the interval [{self.low}, {self.high}] misses {self.estimate}")


@dataclass(frozen=True)
class PairedDifference:
    """How a claim's rate differs between two panels that answered the same prompts.

    Attributes:
        difference: Rate of the edited panel minus rate of the baseline, with its interval.
        p_value: Two-sided exact McNemar test: a coin thrown once for every changed prompt.
        gained: Prompts where only the edited panel has the claim.
        lost: Prompts where only the baseline has it.
        n: Prompts in all.
    """

    difference: Interval
    p_value: float
    gained: int
    lost: int
    n: int


def refusal_probability(
    logits: Float[Tensor, "batch vocab"], openers: Int[Tensor, " n"]
) -> Float[Tensor, " batch"]:
    """Probability that the next token opens a refusal, summed over the model's refusal openers.

    Args:
        logits: Next-token logits at the last prompt position.
        openers: Distinct token ids.

    Returns:
        float64, from 0 to 1.

    Raises:
        ValueError: If there is no opener, or one comes twice and would count twice.
    """
    ids: list[int] = openers.tolist()
    if not ids or len(set(ids)) != len(ids):
        raise ValueError(f"the refusal openers {ids} must be at least one token id, each once")
    probabilities = _float64(logits).softmax(dim=-1)
    # Rounding can lift a sum of nearly everything above 1, whose complement has no logarithm.
    return probabilities[:, openers.to(probabilities.device)].sum(dim=-1).clamp(max=1.0)


def refusal_score(
    logits: Float[Tensor, "batch vocab"], openers: Int[Tensor, " n"]
) -> Float[Tensor, " batch"]:
    """Log-odds of a refusal opener as next token, in nats: `ln(p + 1e-8) - ln(1 - p + 1e-8)`.

    Positive means that the model is likelier to open a refusal than not. Arguments and errors are
    those of `refusal_probability`.
    """
    p = refusal_probability(logits, openers)
    return (p + _EPSILON).log() - (1.0 - p + _EPSILON).log()


def kl_divergence(
    baseline_logits: Float[Tensor, "batch vocab"], logits: Float[Tensor, "batch vocab"]
) -> Float[Tensor, " batch"]:
    """KL(baseline || edited) of the next token, in nats, float64.

    Infinite where the edit rules out a token that the baseline allows.
    """
    baseline = _float64(baseline_logits).log_softmax(dim=-1)
    edited = _float64(logits).log_softmax(dim=-1)
    p = baseline.exp()
    # A token of probability zero adds nothing; 0 * inf would add nan.
    terms = torch.where(p > 0, p * (baseline - edited), 0.0)
    return terms.sum(dim=-1).clamp(min=0.0)


def answer_log_probabilities(
    logits: Float[Tensor, "batch position vocab"], tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position"]:
    """Log-probability of each token of an answer, in nats, float32.

    Works through the positions in chunks, since a float32 copy of everything would be gigabytes
    for a long text: the vocabulary of Qwen2.5 has 151,936 entries.

    Args:
        logits: `logits[:, i]` predict `tokens[:, i]`; the caller has shifted them.
        tokens: Token ids; any valid id at padding.
    """
    batch, positions, vocab = logits.shape
    width = max(1, _CHUNK_LOGITS // max(1, batch * vocab))
    result = torch.empty(batch, positions, dtype=torch.float32, device=logits.device)
    for start in range(0, positions, width):
        chunk = slice(start, start + width)
        part = logits[:, chunk].float()
        chosen = part.gather(-1, tokens[:, chunk, None].to(part.device)).squeeze(-1)
        result[:, chunk] = chosen - part.logsumexp(dim=-1)
    return result


def perplexity(
    logits: Float[Tensor, "batch position vocab"],
    tokens: Int[Tensor, "batch position"],
    mask: Bool[Tensor, "batch position"],
) -> Float[Tensor, " batch"]:
    """Perplexity of each row's answer: `exp` of the mean negative log-probability of its tokens.

    Args:
        logits: `logits[:, i]` predict `tokens[:, i]`; the caller has shifted them.
        tokens: Token ids; what stands at masked positions is not read.
        mask: True where a token belongs to the answer.

    Returns:
        At least 1, in float32; nan for a row without tokens.
    """
    mask = mask.to(logits.device)
    tokens = tokens.to(logits.device).where(mask, 0)
    log_probabilities = answer_log_probabilities(logits, tokens).where(mask, 0.0)
    return (-log_probabilities.sum(dim=-1) / mask.sum(dim=-1)).exp()


def wilson(successes: int, n: int, *, confidence: float = _CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate `successes / n`.

    Raises:
        ValueError: If `n` is not positive or `successes` is not within 0 to `n`.
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"{successes} of {n} is not a rate; 0 <= successes <= n and n >= 1 hold")
    ends = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    rate = successes / n
    # At 0 and n the exact end is the rate itself; rounding may put it on the wrong side.
    return Interval(rate, min(float(ends.low), rate), max(float(ends.high), rate))


def paired_difference(
    baseline: Sequence[bool],
    edited: Sequence[bool],
    *,
    confidence: float = _CONFIDENCE,
    seed: int = 0,
) -> PairedDifference:
    """Difference of a claim's rate between two panels on the same prompts, tested and bracketed.

    Args:
        baseline: Whether the claim, such as "refused", holds for each prompt under the baseline.
        edited: The same prompts, in the same order, under the edit.
        confidence: Of the interval, between 0 and 1.
        seed: Of the bootstrap over prompts; equal seeds give equal intervals.

    Raises:
        ValueError: If the two differ in length or are empty.
    """
    if len(baseline) != len(edited) or not baseline:
        raise ValueError(
            f"a paired difference needs the same prompts in both panels, at least one; "
            f"got {len(baseline)} and {len(edited)}"
        )
    changes = np.asarray(edited, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    gained, lost = int((changes > 0).sum()), int((changes < 0).sum())
    p_value = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    interval = _mean_change(changes, confidence, seed)
    return PairedDifference(interval, p_value, gained, lost, len(changes))


def _mean_change(changes: Float[np.ndarray, " prompt"], confidence: float, seed: int) -> Interval:
    """Interval of the mean of changes in {-1, 0, 1}: BCa bootstrap over prompts."""
    mean, n = float(changes.mean()), len(changes)
    if bool((changes == changes[0]).all()):
        # Every resample is the same, and a bootstrap would claim certainty. The share of prompts
        # that behave so has a Wilson bound; the rest is allowed to do anything.
        rest = 1.0 - wilson(n, n, confidence=confidence).low
        return Interval(
            mean, max(-1.0, mean * (1.0 - rest) - rest), min(1.0, mean * (1.0 - rest) + rest)
        )
    ends = stats.bootstrap(
        (changes,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=confidence,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, min(float(ends.low), mean), max(float(ends.high), mean))


def _float64(logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, "batch vocab"]:
    """In float64, and on the CPU where the device has none (Apple's)."""
    return logits.to("cpu" if logits.device.type == "mps" else logits.device, torch.float64)
