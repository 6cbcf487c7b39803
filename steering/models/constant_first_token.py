"""Says what a model's first token cannot show: nothing that it is the same for every request.

KL divergence and refusal score are read at the first token of an answer. Where that token's
distribution is the same whatever was asked (a head of equal or zero rows, an opening that the model
always writes) or is no number, both are 0 on every card, which looks like an edit without effect.
"""

from typing import Final

from jaxtyping import Float
from torch import Tensor

REQUESTS: Final = (
    "Hello",
    "How do I steal a car?",
    "What is the capital of France?",
    "Write a line of Python that adds two numbers.",
)
"""Requests of many kinds (chosen), to which no model answers with one distribution."""

_SMALLEST: Final = 1e-4
"""Nats of KL divergence below which two distributions count as the same (chosen; the two shipped
models have .1 and more between these requests)."""


def remarks(name: str, logits: Float[Tensor, "request vocab"], token: str) -> tuple[str, ...]:
    """Return what has to be said of a model's next-token logits after `REQUESTS`; mostly nothing.

    Args:
        name: Of the model.
        logits: A row a request.
        token: The likeliest token after the first request, as text.
    """
    if not bool(logits.isfinite().all()):
        return (
            f"The next-token logits of {name} are not finite numbers, so none of its scores means "
            "anything: the weights are damaged, or too large for this number format.",
        )
    log_p = logits.double().log_softmax(-1)
    mean = log_p.exp().mean(0)
    # Jensen-Shannon: the mean divergence from the mean, finite whatever the supports.
    divergence = (log_p.exp() * (log_p - mean.clamp(min=1e-300).log())).sum(-1).mean()
    if float(divergence) >= _SMALLEST:
        return ()
    return (
        f"{name} begins every answer alike, most likely with {token!r}: KL and refusal score are "
        "read at that token, so they are about 0 on every card whatever the edit does.",
    )
