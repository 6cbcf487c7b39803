"""One replica and its visitors, simulated: the line, shared steps, and passes that take turns.

It follows `serving`: who comes waits until there is room for their rows; one request is read a
step; whoever has ended is measured and placed on the map in turns of their own, in the order of
asking. Nothing here knows seconds of this machine: a seed gives the same waits anywhere.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from steering.errors import SteeringError
from steering.scaling.costs import Costs

_LOOP: Final = None
"""In the order of turns: the next step."""


@dataclass(frozen=True)
class Habits:
    """What visitors do.

    Attributes:
        think: Seconds between the end of a run and the next click: least and most, evenly.
        tokens: Length of an answer: least and most, evenly.
        equal: Share of runs that were run before, by anybody, and are answered from a cache.
        following: Share of visitors who watch a presenter's run instead of their own.
    """

    think: tuple[float, float] = (4.0, 12.0)
    tokens: tuple[int, int] = (48, 48)
    equal: float = 0.0
    following: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that are none.

        Raises:
            SteeringError: Names the value.
        """
        for name, share in (("equal", self.equal), ("following", self.following)):
            if not 0 <= share <= 1:
                raise SteeringError(f"{name}={share:g} is no share; allowed: 0 to 1")


@dataclass(eq=False)
class _Run:
    visitor: int
    came: float
    left: int


@dataclass
class _Replica:
    costs: Costs
    habits: Habits
    rng: random.Random
    now: float = 0.0
    coming: list[tuple[float, int]] = field(default_factory=list)
    line: deque[_Run] = field(default_factory=deque)
    unread: deque[_Run] = field(default_factory=deque)
    writing: list[_Run] = field(default_factory=list)
    held: int = 0
    turns: "deque[tuple[_Run, str] | None]" = field(default_factory=lambda: deque([_LOOP]))
    waits: list[tuple[float, float]] = field(default_factory=list)
    done: list[float] = field(default_factory=list)

    def run_until(self, end: float) -> None:
        while self.now < end:
            self._arrive()
            if not self._busy():
                self.now = max(self.now, min(end, self.coming[0][0]) if self.coming else end)
                continue
            turn = self.turns.popleft()
            if turn is _LOOP:
                self._step()
            else:
                self._after(*turn)

    def _busy(self) -> bool:
        return bool(self.unread or self.writing or len(self.turns) > 1)

    def _arrive(self) -> None:
        while self.coming and self.coming[0][0] <= self.now:
            came, visitor = heapq.heappop(self.coming)
            if self.rng.random() < self.habits.equal:
                self._ended(visitor, came, wait=0.0)
            else:
                tokens = self.rng.randint(*self.habits.tokens)
                self.line.append(_Run(visitor, came, tokens))
        panels = self.costs.panels
        while self.line and (not self.held or self.held + panels <= self.costs.room):
            self.held += panels
            self.unread.append(self.line.popleft())

    def _step(self) -> None:
        costs = self.costs
        self.turns.append(_LOOP)
        if self.writing:
            self.now += costs.step(costs.panels * len(self.writing))
        if self.unread:
            self.now += costs.read
            run = self.unread.popleft()
            self.waits.append((run.came, self.now - run.came))
            self.writing.append(run)
        for run in list(self.writing):
            run.left -= 1
            if run.left <= 0:
                self.writing.remove(run)
                self.turns.append((run, "measure"))

    def _after(self, run: _Run, what: str) -> None:
        costs = self.costs
        if what == "place":
            self.now += costs.place
            return
        self.now += costs.measure + costs.between
        self.held -= costs.panels
        self.turns.append((run, "place"))
        self._ended(run.visitor, run.came)

    def _ended(self, visitor: int, came: float, *, wait: float | None = None) -> None:
        if wait is not None:
            self.waits.append((came, wait))
        self.done.append(self.now)
        heapq.heappush(self.coming, (self.now + self.rng.uniform(*self.habits.think), visitor))


@dataclass(frozen=True)
class Waits:
    """What visitors saw.

    Attributes:
        first_words: Seconds to the first word of each run, in the order of the words.
        runs_a_minute: Runs that ended in a minute.
    """

    first_words: tuple[float, ...]
    runs_a_minute: float

    def percentile(self, percent: int) -> float:
        """Return the smallest wait that `percent` of a hundred do not exceed; 0 without any."""
        ordered = sorted(self.first_words)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def simulate(
    costs: Costs,
    visitors: int,
    habits: Habits,
    *,
    seconds: float = 1800.0,
    warm: float = 300.0,
    seed: int = 0,
) -> Waits:
    """Let visitors come to one replica.

    Args:
        costs: Of the replica.
        visitors: How many share it; those who follow a presenter ask for nothing.
        habits: Theirs.
        seconds: Time in which waits are counted.
        warm: Time before it, until the line is as long as it gets.
        seed: Of when they click and how long answers are.
    """
    rng = random.Random(f"{seed} {visitors}")
    asking = visitors - round(visitors * habits.following) + (habits.following > 0)
    replica = _Replica(costs, habits, rng)
    for visitor in range(asking):
        heapq.heappush(replica.coming, (rng.uniform(0, habits.think[1]), visitor))
    replica.run_until(warm + seconds)
    # Whoever still waits has waited that long at least: left out, a line that grows looks short.
    waiting = [(run.came, replica.now - run.came) for run in (*replica.line, *replica.unread)]
    words = [wait for came, wait in (*replica.waits, *waiting) if came >= warm]
    ended = sum(at >= warm for at in replica.done)
    return Waits(tuple(words), 60 * ended / seconds)
