"""How the next token of every row of a request is chosen."""

import torch
from jaxtyping import Float
from torch import Tensor

from steering.inference.sampling import Sampling


class TokenChoice:
    """Chooses the next token of every row of one request, with one random stream for all of them.

    Sampling is by the Gumbel-max trick: argmax of log-probability / temperature + noise. All rows
    share the noise of a token, so rows with equal probabilities choose equal tokens, and rows
    differ only by their edit.
    """

    def __init__(self, sampling: Sampling) -> None:
        """Begin the random stream of a seed."""
        self.sampling = sampling
        # On the CPU, so that a seed gives the same stream on every machine.
        self.generator = torch.Generator().manual_seed(sampling.seed)

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> list[int]:
        """Return a token a row; each call goes on with the stream."""
        if self.sampling.temperature == 0:
            return list(map(int, logits.argmax(-1).tolist()))
        # The largest logit is taken off first and all is done in float64: divided as they are,
        # logits overflow under a temperature near 0, whose limit is the likeliest token.
        below = logits.double() - logits.double().amax(dim=-1, keepdim=True)
        scaled = torch.log_softmax(below / self.sampling.temperature, dim=-1)
        scaled = _within_top_p(scaled, self.sampling.top_p)
        uniform = torch.rand(logits.shape[-1], generator=self.generator, dtype=torch.float64)
        noise = -torch.log(-torch.log(uniform.clamp(min=1e-300)))
        return list(map(int, (scaled + noise.to(scaled.device)).argmax(-1).tolist()))


def _within_top_p(
    log_probabilities: Float[Tensor, "batch vocab"], top_p: float
) -> Float[Tensor, "batch vocab"]:
    """Set tokens outside the smallest set with probability `top_p` to minus infinity."""
    if top_p >= 1:
        return log_probabilities
    ordered, order = log_probabilities.sort(dim=-1, descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    outside = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return log_probabilities.masked_fill(outside, -torch.inf)
