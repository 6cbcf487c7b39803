"""How many replicas a crowd needs, and what else gives way: from one replica's simulation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from steering.scaling.costs import Costs, Machine
from steering.scaling.replica import Habits, simulate

CROWDS: Final = (10, 100, 1_000, 10_000, 100_000)
"""Visitors that the table is of."""
GOAL_SECONDS: Final = 2.0
"""Most that 95 of 100 first words may take."""
_MOST: Final = 4096
"""Visitors of one replica at most that are tried."""
UPDATE_SECONDS: Final = 0.0035
"""The page's time for an update of five cards (docs/performance.md: .0023 to .0047 s)."""
LOOK_SECONDS: Final = 0.002
"""The page's time for a look of a follower's page (serving/rooms.py: measured)."""
_FOLLOWERS_WAIT: Final = 4.0
"""Seconds between two looks of a page in a large room, the most (serving/rooms.py)."""


class PlanRow(TypedDict):
    """What a crowd needs of one kind of machine; None where no number of replicas helps.

    Dollars are None as well where nobody has said what such a machine costs.
    """

    visitors: int
    replicas: int | None
    visitors_a_replica: int
    p95: float
    dollars_an_hour: float | None
    pages: int


@dataclass(frozen=True)
class Capacity:
    """What one replica bears.

    Attributes:
        visitors: The most of whom 95 of 100 have their first word in time; 0 for none.
        p95: Seconds of that many, or of one visitor.
        runs_a_minute: Of that many, or of one.
    """

    visitors: int
    p95: float
    runs_a_minute: float


def capacity(
    costs: Costs, habits: Habits, *, goal: float = GOAL_SECONDS, seed: int = 0
) -> Capacity:
    """Return the most visitors that one replica bears.

    Args:
        costs: Of the replica.
        habits: Of the visitors.
        goal: Most seconds of 95 of 100 first words.
        seed: Of the simulation.
    """

    def tried(visitors: int) -> Capacity:
        waits = simulate(costs, visitors, habits, seed=seed)
        return Capacity(visitors, waits.percentile(95), waits.runs_a_minute)

    low = tried(1)
    if low.p95 > goal:
        return Capacity(0, low.p95, low.runs_a_minute)
    high = 2
    while high <= _MOST and (found := tried(high)).p95 <= goal:
        low, high = found, 2 * high
    while high - low.visitors > 1:
        found = tried((low.visitors + high) // 2)
        low, high = (found, high) if found.p95 <= goal else (low, found.visitors)
    return low


def plan(
    machine: Machine,
    habits: Habits,
    crowds: Sequence[int] = CROWDS,
    *,
    goal: float = GOAL_SECONDS,
    seed: int = 0,
) -> list[PlanRow]:
    """Return what crowds need: replicas that each have their share of the visitors.

    A visitor stays with a replica. Replicas that help each other out would do with a few less.
    """
    asking = 1 - habits.following
    found = capacity(machine.costs, Habits(habits.think, habits.tokens, habits.equal), goal=goal,
                     seed=seed)  # fmt: skip
    rows: list[PlanRow] = []
    for visitors in crowds:
        active = math.ceil(visitors * asking - 1e-9) + (habits.following > 0)
        replicas = math.ceil(active / found.visitors) if found.visitors else None
        rows.append(
            {
                "visitors": visitors,
                "replicas": replicas,
                "visitors_a_replica": found.visitors,
                "p95": found.p95,
                "dollars_an_hour": None
                if replicas is None or machine.price is None
                else replicas * machine.price,
                "pages": pages(active, visitors - active, found, habits),
            }
        )
    return rows


def pages(active: int, followers: int, found: Capacity, habits: Habits) -> int:
    """Return how many processes of the page are busy: each has one thread that makes updates.

    Args:
        active: Visitors who run.
        followers: Pages that look for what a presenter shows.
        found: What a replica bears: how often a visitor runs is taken from it.
        habits: Of the visitors.
    """
    runs_a_second = active * found.runs_a_minute / 60 / max(1, found.visitors)
    updates = runs_a_second * habits.tokens[1] * UPDATE_SECONDS
    looks = max(0, followers) / _FOLLOWERS_WAIT * LOOK_SECONDS
    return max(1, math.ceil(updates + looks))
