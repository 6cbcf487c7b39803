"""How fast a page draws: one that is behind is sent no update before the last one is drawn.

An update has all the words of a run, so whatever a page has not drawn yet is out of date once the
next one is there. Without this a slow phone shows a run's words long after its end: updates wait
for it in a line of the browser's that no server sees. A page says that it has drawn the first
update of a run, and what else it has drawn once it is behind.
"""

import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_PATIENCE: Final = 5.0
"""Seconds after which a page is sent the next update, whatever it has said (chosen: what it says
may be lost on the way, a proxy may hold updates back, and nobody should wait for it)."""
_UNHEARD: Final = 2
"""Updates that are sent to a page before it has said anything (chosen)."""


class PagePace:
    """What one page has drawn of one run."""

    def __init__(self) -> None:
        """Begin with a page that keeps up, for all that is known."""
        self.id = secrets.token_hex(8)
        self._began = self._first = self._last = time.monotonic()
        self._sent = self._drawn = 0
        self._behind = False

    @property
    def waits(self) -> bool:
        """Whether the page has yet to draw what it was sent."""
        if not self._drawn:
            return self._sent >= _UNHEARD and time.monotonic() - self._first < _PATIENCE
        ahead = self._drawn < self._sent and time.monotonic() - self._last < _PATIENCE
        return self._behind and ahead

    def send(self) -> str:
        """Count an update; returns what it says of itself: run, number, milliseconds of the run."""
        self._last = time.monotonic()
        self._first = self._first if self._sent else self._last
        self._sent += 1
        return f"{self.id} {self._sent} {1000 * (self._last - self._began):.0f}"

    def hear(self, number: int, *, behind: bool) -> None:
        """Take that the page has drawn this update, out of those that it was sent.

        Args:
            number: Of the update.
            behind: Whether it says so; a page that was behind once counts as such to the run's end.
        """
        self._drawn = max(self._drawn, min(number, self._sent))
        self._behind |= behind


class PagePaces:
    """The runs that pages draw now, by names that nobody can guess."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._runs: dict[str, PagePace] = {}

    @contextmanager
    def follow(self) -> Generator[PagePace]:
        """Follow a run for as long as its answers grow."""
        pace = PagePace()
        with self._lock:
            self._runs[pace.id] = pace
        try:
            yield pace
        finally:
            with self._lock:
                del self._runs[pace.id]

    def hear(self, run: str, number: int, *, behind: bool) -> bool:
        """Take what a page says of a run; returns whether that still grows."""
        with self._lock:
            pace = self._runs.get(run)
        if pace is not None:
            pace.hear(number, behind=behind)
        return pace is not None
