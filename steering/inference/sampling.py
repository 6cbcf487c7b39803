"""How tokens are chosen, as plain data: the page reads it before there is a model."""

from dataclasses import dataclass

from steering.errors import SteeringError


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: At most this many tokens a row, from 1.
        temperature: 0 takes the likeliest token; above 0 samples.
        top_p: Sample from the likeliest tokens that together have at least this probability.
        seed: Of the random stream, which all rows share.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        checks = {
            "max_new_tokens": (self.max_new_tokens, 1, 4096),
            "temperature": (self.temperature, 0, 5),
            "top_p": (self.top_p, 0.01, 1),
            "seed": (self.seed, 0, 2**63 - 1),
        }
        for name, (value, low, high) in checks.items():
            if not low <= value <= high:
                raise SteeringError(f"{name}={value} is out of range; allowed: {low} to {high}")
