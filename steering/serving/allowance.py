"""How often one visitor may begin a run, so that a few do not take the machine from all others.

A visitor is an address: of sessions anybody can have as many as they like. Each has a bucket of
tokens that fills up at the rate which is allowed; a run takes one.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from steering.errors import SteeringError

_AT_ONCE: Final = 2
"""How many runs of one program may wait or work, where runs are counted (chosen)."""
_MOST_KNOWN: Final = 10_000
"""Beyond this many buckets the full ones are forgotten: they say nothing (chosen)."""


class TooOftenError(SteeringError):
    """This visitor has had what one may have.

    Attributes:
        seconds: When it is worth trying again, from now, at least 1.
    """

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


def holder_of(address: str) -> str:
    """Return whoever an address stands for, which may be anything that a browser has written."""
    try:
        known = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return address[:100]
    if known.version == 6:
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        # Who has one such address has the 2^64 beside it as well.
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


@dataclass
class _Bucket:
    """What a visitor has left, as it was at a time."""

    tokens: float
    seen: float


class Allowance:
    """Buckets of all visitors of one process.

    Attributes:
        per_minute: Runs a minute, and at once after a pause; 0 counts nothing.
        proxies: How many proxies in front of the app are known to add to X-Forwarded-For.
    """

    def __init__(
        self, per_minute: int = 0, proxies: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nobody."""
        self.per_minute, self.proxies = per_minute, proxies
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._running: dict[str, int] = {}

    def visitor(self, peer: str, forwarded: str = "") -> str:
        """Return who asks.

        Args:
            peer: The address that the connection comes from.
            forwarded: X-Forwarded-For, which anybody can write: only the entries that the known
                proxies have added, at its end, are believed. The first of them is the visitor's.
        """
        named = [each.strip() for each in forwarded.split(",") if each.strip()]
        found = named[-self.proxies] if 0 < self.proxies <= len(named) else peer
        return holder_of(found)

    def visitor_of(self, request: Any) -> str:  # noqa: ANN401 - Starlette's or Gradio's
        """Return who asks."""
        client = getattr(request, "client", None)
        headers = getattr(request, "headers", None) or {}
        return self.visitor(client.host if client else "", headers.get("x-forwarded-for", ""))

    def take(self, visitor: str) -> None:
        """Let a visitor begin a run.

        Raises:
            TooOftenError: If they have begun too many.
        """
        if not self.per_minute:
            return
        with self._lock:
            now, rate = self._clock(), self.per_minute / 60
            bucket = self._buckets.get(visitor) or _Bucket(self.per_minute, now)
            tokens = min(self.per_minute, bucket.tokens + rate * (now - bucket.seen))
            if tokens < 1:
                seconds = max(1, math.ceil((1 - tokens) / rate))
                raise TooOftenError(
                    f"{self.per_minute} runs a minute are what one address may begin here; "
                    f"try again in {seconds} {'second' if seconds == 1 else 'seconds'}",
                    seconds,
                )
            self._buckets[visitor] = _Bucket(tokens - 1, now)
            if len(self._buckets) > _MOST_KNOWN:
                self._forget(now)

    @contextmanager
    def program(self, visitor: str) -> Generator[None]:
        """Let a program have a run until the block ends; it could fill the line by itself.

        Raises:
            TooOftenError: If it has begun too many, or has others under way.
        """
        self.take(visitor)
        with self._lock:
            running = self._running.get(visitor, 0)
            if self.per_minute and running >= _AT_ONCE:
                raise TooOftenError(
                    f"{running} requests of this address are under way, which is what one may have "
                    "here; wait until one has ended",
                    5,
                )
            self._running[visitor] = running + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[visitor] -= 1
                if not self._running[visitor]:
                    del self._running[visitor]

    def _forget(self, now: float) -> None:
        whole = 60.0  # by then every bucket is full
        self._buckets = {
            name: each for name, each in self._buckets.items() if now - each.seen < whole
        }
