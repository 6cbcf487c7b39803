"""Times things in turn, round after round, and compares them within each round.

Seconds of a shared machine drift by a fifth and more within minutes. What is timed in turn drifts
together, so ratios within a round hold where seconds do not.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from steering.errors import SteeringError
from steering.system.progress import stage

Contender = Callable[[], object]
"""Something that is timed; does the same work each time."""
LEAST_ROUNDS = 3
"""Fewer have no spread to speak of."""


@dataclass(frozen=True)
class Ratio:
    """Time of a contender relative to another, over the rounds.

    Attributes:
        median: Of the rounds' ratios.
        low: The smallest of them.
        high: The largest of them.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Rounds:
    """Seconds of every contender in every round.

    Attributes:
        seconds: By contender, in the order of the rounds.
    """

    seconds: Mapping[str, Sequence[float]]

    def ratio(self, name: str, base: str) -> Ratio:
        """Return the time of `name` relative to `base`, round by round."""
        found = [
            one / other for one, other in zip(self.seconds[name], self.seconds[base], strict=True)
        ]
        return Ratio(statistics.median(found), min(found), max(found))

    def median(self, name: str) -> float:
        """Return the median seconds of a contender."""
        return statistics.median(self.seconds[name])


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> Rounds:
    """Let every contender run once to get warm, then time each once a round, in turn.

    Each round begins with another contender, so that none always comes after the same one.

    Raises:
        SteeringError: If there are fewer than `LEAST_ROUNDS` rounds.
    """
    if rounds < LEAST_ROUNDS:
        raise SteeringError(
            f"rounds={rounds} is too few to see a spread; allowed: {LEAST_ROUNDS} and more"
        )
    names = list(contenders)
    with stage("warming up", len(names)) as running:
        for name in names:
            contenders[name]()
            running.advance()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with stage("rounds", rounds) as running:
        for each in range(rounds):
            begin = each % len(names)
            for name in (*names[begin:], *names[:begin]):
                began = time.perf_counter()
                contenders[name]()
                seconds[name].append(time.perf_counter() - began)
            running.advance()
    return Rounds(seconds)
