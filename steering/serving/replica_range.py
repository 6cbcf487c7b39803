"""How many replicas stand behind a page: `2`, or `1-4` for as many as the crowd needs."""

import re
from dataclasses import dataclass

from steering.errors import SteeringError


@dataclass(frozen=True)
class ReplicaRange:
    """How many replicas there are.

    Attributes:
        least: While nobody comes.
        most: While many come.
    """

    least: int
    most: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return str(self.least) if self.least == self.most else f"{self.least}-{self.most}"


def parse_range(text: str) -> ReplicaRange:
    """Read a number, or two with a hyphen between them.

    Raises:
        SteeringError: If it is neither, or they are not in order from 1.
    """
    found = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", text)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise SteeringError(
            f"{text[:40]!r} is no number of replicas; allowed: a number from 1, such as 2, or 1-4 "
            "for as many as the crowd needs"
        )
    return ReplicaRange(least, most)
