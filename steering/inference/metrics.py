"""What is measured beside the text: refusal score, KL divergence, perplexity.

Refusal score and its 1e-8 follow Arditi et al. 2024 (arXiv:2406.11717, sec. 2.3); KL divergence is
that of the next token, baseline first, as in their selection rule.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_EPSILON = 1e-8
"""Keeps the logarithms of the refusal score finite; it ends at ±18.4 (Arditi et al. 2024)."""

_CHUNK_LOGITS = 2**24
"""Logits held in float32 at a time: 64 MiB (chosen; a row of Qwen2.5's vocabulary is 0.6 MiB)."""
_TEXT_POSITIONS = 8
"""Positions of a text whose KL divergence is taken at a time (chosen: a hundred megabytes)."""


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


def likeliest_tokens(
    logits: Float[Tensor, "position vocab"], count: int
) -> tuple[Int[Tensor, "position likeliest"], Float[Tensor, "position likeliest"]]:
    """Return the likeliest tokens of each position and their log-probabilities, likeliest first.

    Works through the positions in chunks, as `answer_log_probabilities` does.

    Args:
        logits: `logits[i]` predict the token after position i.
        count: How many; never more than there are tokens.

    Returns:
        Token ids, and log-probabilities in nats, float32.
    """
    positions, vocab = logits.shape
    width = max(1, _CHUNK_LOGITS // max(1, vocab))
    count = min(count, vocab)
    ids = torch.empty(positions, count, dtype=torch.long, device=logits.device)
    found = torch.empty(positions, count, dtype=torch.float32, device=logits.device)
    for start in range(0, positions, width):
        chunk = slice(start, start + width)
        part = logits[chunk].float()
        best = part.topk(count, dim=-1)
        ids[chunk] = best.indices
        found[chunk] = best.values - part.logsumexp(dim=-1, keepdim=True)
    return ids, found


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


def cost_along_text(
    baseline: Float[Tensor, "1 position vocab"],
    logits: Float[Tensor, "row position vocab"],
    targets: Int[Tensor, " position"],
) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
    """Return each row's mean loss and mean KL(baseline || row) over the positions, in nats.

    In float32: `kl_divergence` takes double precision, which is the better part of the
    whole work at a hundred thousand words and thousands of positions. Summed over differences of
    log-probabilities, which are small where the divergence is, so that little is lost (5e-6 of
    the value on random logits).
    """
    loss = torch.zeros(len(logits), device=logits.device)
    divergence = torch.zeros(len(logits), device=logits.device)
    for start in range(0, logits.shape[1], _TEXT_POSITIONS):
        part = slice(start, start + _TEXT_POSITIONS)
        before = baseline[0, part].float().log_softmax(dim=-1)
        after = logits[:, part].float().log_softmax(dim=-1)
        wanted = targets[part].expand(len(after), -1)[..., None]
        loss -= after.gather(-1, wanted).sum(dim=(1, 2))
        terms = (before - after).mul_(before.exp())
        divergence += terms.sum(dim=-1).clamp(min=0.0).sum(dim=-1)
    return loss / logits.shape[1], divergence / logits.shape[1]


def _float64(logits: Float[Tensor, "batch vocab"]) -> Float[Tensor, "batch vocab"]:
    """In float64, and on the CPU where the device has none (Apple's)."""
    return logits.to("cpu" if logits.device.type == "mps" else logits.device, torch.float64)
