"""The line in front of the model: who waits, who works, who has left."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from steering.errors import SteeringError
from steering.serving.allowance import Allowance
from steering.serving.metrics import RunCounts
from steering.serving.page_pace import PagePaces


class LineFullError(SteeringError):
    """Nobody else can wait; whoever comes in a minute may find a place."""


@dataclass(eq=False)
class Run:
    """One visitor's run, waiting or working.

    Attributes:
        stop: Set when it should end; the answers so far stay.
        superseded: Set when the same visitor has begun another: it should say nothing any more.
        rows: How many rows it takes in a step.
        came: When it entered the line, by `time.monotonic`.
        heard: Whether its visitor has seen a word.
    """

    rows: int = 1
    stop: threading.Event = field(default_factory=threading.Event)
    superseded: threading.Event = field(default_factory=threading.Event)
    came: float = field(default_factory=time.monotonic)
    heard: bool = False


class Line:
    """Runs in the order they came; a visitor has one at a time.

    Attributes:
        places: How many runs may wait.
        room: How many rows are worked on at once; one run is, whatever its rows.
        counts: What runs have come to so far.
        paces: What pages have drawn of the runs that are written for them.
        allowance: How often one visitor may begin a run; of whoever is asked at the door.
    """

    def __init__(self, places: int) -> None:
        """Begin with nobody.

        Args:
            places: How many runs may wait; the next visitor is told to come back later.
        """
        self.places = places
        self.room = 1
        self.counts = RunCounts()
        self.paces = PagePaces()
        self.allowance = Allowance()
        self._lock = threading.RLock()
        self._line: list[Run] = []
        self._runs: dict[str, Run] = {}
        self.asking = 0
        """Placings that wait for the model or use it."""

    @contextmanager
    def run(self, visitor: str) -> Generator[Run]:
        """Stand in line until the block ends; a visitor's new run supersedes their old one.

        Raises:
            LineFullError: If the line is full.
        """
        mine = Run()
        with self._lock:
            self.abandon(visitor)
            if self.waiting >= self.places and not self._has_room_for(mine):
                self.counts.refuse()
                raise LineFullError(
                    f"{len(self._line)} requests are waiting already, which is all there is room "
                    "for; try again in a minute"
                )
            self._runs[visitor] = mine
            self._line.append(mine)
        self.counts.begin()
        try:
            yield mine
        finally:
            mine.stop.set()
            with self._lock:
                self._line.remove(mine)
                if self._runs.get(visitor) is mine:
                    del self._runs[visitor]
            self.counts.end()

    def ahead(self, run: Run) -> int:
        """Return a run's place among those that wait, from 1; at 0 it is its turn.

        Its turn comes when there is room for it and for all that came before: nobody overtakes.
        """
        with self._lock:
            return max(0, self._line.index(run) + 1 - self._working())

    def _has_room_for(self, run: Run) -> bool:
        """Whether a run that comes now need not wait."""
        rows = sum(other.rows for other in self._line) + run.rows
        return not self._line or rows <= self.room

    def _working(self) -> int:
        """Return how many runs, from the first on, have room together."""
        rows = 0
        for number, run in enumerate(self._line):
            rows += run.rows
            if number and rows > self.room:
                return number
        return len(self._line)

    @property
    def waiting(self) -> int:
        """How many runs wait for their turn."""
        with self._lock:
            return len(self._line) - self._working()

    def has_run(self, visitor: str) -> bool:
        """Whether a run of this visitor waits or works."""
        with self._lock:
            return visitor in self._runs

    def stop(self, visitor: str) -> None:
        """End a visitor's run, whether it waits or works."""
        with self._lock:
            run = self._runs.get(visitor)
        if run is not None:
            run.stop.set()

    def abandon(self, visitor: str) -> None:
        """End a visitor's run and let it say nothing more: they look at something else now."""
        with self._lock:
            run = self._runs.get(visitor)
        if run is not None:
            run.superseded.set()
            run.stop.set()

    @contextmanager
    def asked(self) -> Generator[None]:
        """Say that a place is asked for, so that background work waits."""
        with self._lock:
            self.asking += 1
        try:
            yield
        finally:
            with self._lock:
                self.asking -= 1

    @property
    def wanted(self) -> bool:
        """Whether anybody waits or works: runs, and places that are asked for."""
        return bool(self._line) or self.asking > 0
