"""One room: what its presenter shows, who is there, and what the room has tried.

A room lives in memory alone and knows nobody: a participant is a random word that a browser has
made up for its open page, and a row of the table says what was asked and what became of it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from steering.errors import SteeringError

KEPT_ROWS: Final = 500
"""Rows that a room keeps; older ones go, pinned ones last (chosen: an hour of thirty people)."""
PEOPLE: Final = 2000
"""Open pages that are counted (chosen)."""
AWAY_SECONDS: Final = 12.0
"""Who has not asked for so long has gone, or has lost the network (chosen: four slow looks)."""
REQUEST_CHARACTERS: Final = 2000
"""Length of a request in the table; what is longer is cut (chosen)."""


@dataclass(frozen=True)
class Tried:
    """A run of somebody in the room.

    Attributes:
        number: Its place in time, from 1.
        seconds: Since the room began.
        request: To the model, cut to `REQUEST_CHARACTERS`.
        outcomes: The panels that took part, as text, each with its verdict; "" is none.
        pinned: Whether it is seen on every screen.
        hidden: Whether it is seen nowhere, the presenter's list of hidden rows excepted.
    """

    number: int
    seconds: float
    request: str
    outcomes: tuple[tuple[str, str], ...]
    pinned: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class RoomNews:
    """What is new to somebody who has seen a room up to a version.

    Attributes:
        opened: A number that is this room's alone; another one of the same name has another.
        version: Up to which they have seen it now.
        parts: What has changed on the presenter's screen since, by name.
        pinned: Rows for every screen, if they have changed since; else None.
    """

    opened: int
    version: int
    parts: Mapping[str, str]
    pinned: tuple[Tried, ...] | None


@dataclass(frozen=True)
class Watched:
    """What a presenter sees of the room.

    Attributes:
        version: Up to which they have seen its rows now.
        here: Participants who have asked lately.
        exploring: Those of them who are on their own.
        rows: All rows in time, hidden ones too, if any has changed since; else None.
    """

    version: int
    here: int
    exploring: int
    rows: tuple[Tried, ...] | None


class Room:
    """A room; not safe for several threads, which is the affair of `rooms.Rooms`."""

    def __init__(self, name: str, now: float, version: Callable[[], int]) -> None:
        """Open a room, empty.

        Args:
            name: Under which it is found.
            now: The time in seconds, by any clock.
            version: Returns a higher number every time.
        """
        self.name = name
        self.key = secrets.token_urlsafe(18)
        self.used = now
        self._began = now
        self._next = version
        self._opened = version()
        self._version = self._rows_version = self._pinned_version = self._opened
        self._parts: dict[str, tuple[int, str]] = {}
        self._people: dict[str, tuple[float, bool]] = {}
        self._rows: dict[int, Tried] = {}
        self._tried = 0

    def show(self, parts: Mapping[str, str]) -> None:
        """Show parts of the presenter's screen; those that say the same are not new."""
        changed = {
            name: value
            for name, value in parts.items()
            if name not in self._parts or self._parts[name][1] != value
        }
        if changed:
            self._version = self._next()
            self._parts |= {name: (self._version, value) for name, value in changed.items()}

    def part(self, name: str) -> str | None:
        """Return a part of the screen as it is shown, or None."""
        found = self._parts.get(name)
        return found[1] if found else None

    def look(self, known: int) -> RoomNews:
        """Return what is new since a version; a number that no room has given means all of it."""
        now = max(self._version, self._pinned_version)
        since = known if 0 <= known <= now else 0
        parts = {name: value for name, (at, value) in self._parts.items() if at > since}
        pinned = tuple(row for row in self._rows.values() if row.pinned and not row.hidden)
        return RoomNews(self._opened, now, parts, pinned if self._pinned_version > since else None)

    def come(self, person: str, now: float, *, exploring: bool) -> None:
        """Count a page as there."""
        if person in self._people or len(self._people) < PEOPLE or self.here(now) < PEOPLE:
            self._people[person] = now, exploring

    def here(self, now: float) -> int:
        """Return how many have asked lately, and forget the others."""
        self._people = {
            person: (at, exploring)
            for person, (at, exploring) in self._people.items()
            if now - at <= AWAY_SECONDS
        }
        return len(self._people)

    def watch(self, known: int, now: float) -> Watched:
        """Return what the presenter sees; rows only where they have changed since a version."""
        here = self.here(now)
        exploring = sum(alone for _, alone in self._people.values())
        changed = not 0 <= known <= self._rows_version or self._rows_version > known
        return Watched(self._rows_version, here, exploring, self.rows if changed else None)

    @property
    def rows(self) -> tuple[Tried, ...]:
        """All rows in time."""
        return tuple(self._rows.values())

    def add(self, request: str, outcomes: Mapping[str, str], now: float) -> None:
        """Note what somebody has tried."""
        self._tried += 1
        row = Tried(
            self._tried, now - self._began, request[:REQUEST_CHARACTERS], tuple(outcomes.items())
        )
        self._rows[row.number] = row
        if len(self._rows) > KEPT_ROWS:
            oldest = next((each for each in self._rows.values() if not each.pinned), None)
            del self._rows[(oldest or next(iter(self._rows.values()))).number]
        self._rows_version = self._next()

    def mark(self, number: int, *, pinned: bool | None = None, hidden: bool | None = None) -> None:
        """Pin or hide a row, or take that back.

        Raises:
            SteeringError: If the row is gone.
        """
        row = self._rows.get(number)
        if row is None:
            raise SteeringError(
                f"row {number} is not in the table any more, which keeps {KEPT_ROWS}; take another"
            )
        self._rows[number] = replace(
            row,
            pinned=row.pinned if pinned is None else pinned,
            hidden=row.hidden if hidden is None else hidden,
        )
        self._rows_version = self._next()
        self._pinned_version = self._next()
