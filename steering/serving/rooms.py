"""The rooms of this server: found by name, led by whoever has the key, gone when they end.

Everything is in memory. Participants ask again and again what is new, which costs a look into a
table: the presenter's run alone reaches the model.
"""

import hmac
import itertools
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Final
from unicodedata import normalize

from steering.errors import SteeringError
from steering.serving.room import Room, RoomNews, Tried, Watched

MOST_ROOMS: Final = 20
"""Rooms at a time (chosen)."""
LEFT_SECONDS: Final = 15 * 60.0
"""A room whose presenter has not been there for so long gives way to a new one where there would be
too many (chosen: longer than a break; a presenter's page looks every 1.5 seconds)."""
NAME_CHARACTERS: Final = 40
"""Length of a room's name (chosen: it is typed from a wall)."""
IDLE_SECONDS: Final = 3 * 3600.0
"""A room whose presenter has not been there for so long ends by itself (chosen)."""
_SEATS: Final = 10_000
"""Pages whose room is known (chosen); the one that took its seat first is forgotten first."""
_LEAST_MS, _MOST_MS, _SHARE_MS = 700, 4000, 10
"""How long a page waits between two looks: longer the more there are, so that all of them together
look about 100 times a second (chosen; a look took 2 ms of a core by way of Gradio, measured)."""
_WORDS: Final = (
    "amber",
    "birch",
    "cedar",
    "coral",
    "fjord",
    "hazel",
    "heron",
    "indigo",
    "larch",
    "lilac",
    "maple",
    "marble",
    "meadow",
    "opal",
    "otter",
    "raven",
    "river",
    "robin",
    "silver",
    "willow",
)


@dataclass(frozen=True)
class _Seat:
    room: str
    presents: bool


class Rooms:
    """All rooms; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Open a house without rooms.

        Args:
            clock: Returns the time in seconds.
        """
        self._clock = clock
        self._lock = Lock()
        self._rooms: dict[str, Room] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._seats: OrderedDict[str, _Seat] = OrderedDict()
        count = itertools.count(1)
        self._version = lambda: next(count)

    def start(self, name: str, shares: Mapping[str, int] = MappingProxyType({})) -> tuple[str, str]:
        """Open a room; returns its name as it is found in links, and the presenter's key.

        Args:
            name: As it was typed; empty for one that is made up.
            shares: Who opens it, each with the number of rooms that may be theirs at a time.

        Raises:
            SteeringError: If there is such a room already, or there are too many.
        """
        found = slug(name) or suggested()
        with self._lock:
            self._sweep()
            if found in self._rooms:
                raise SteeringError(
                    f"there is a room {found!r} already; choose another name, or open the "
                    "presenter's link of that room"
                )
            for holder, most in shares.items():
                theirs = [each for each in self._rooms if holder in self._holders[each]]
                if len(theirs) >= most and not self._gave_way(theirs):
                    raise SteeringError(
                        f"there are {most} rooms that were started from your network address, the "
                        "most there may be; end one of them, or use it again"
                    )
            if len(self._rooms) >= MOST_ROOMS and not self._gave_way(list(self._rooms)):
                raise SteeringError(
                    f"there are {MOST_ROOMS} rooms on this server, the most there may be; end one"
                )
            room = Room(found, self._clock(), self._version)
            self._rooms[found] = room
            self._holders[found] = frozenset(shares)
        return room.name, room.key

    def end(self, name: str, key: str) -> None:
        """End a room: nothing of it is kept.

        Raises:
            SteeringError: If the key is another one.
        """
        with self._lock:
            self._close(self._led(name, key).name)

    def sit(self, visitor: str, name: str, key: str = "") -> str:
        """Note in which room a page is; returns `presenter`, `participant` or, of no room, "".

        Args:
            visitor: Gradio's name of the page's session.
            name: Of the room.
            key: The presenter's; with another one a page is a participant's.
        """
        with self._lock:
            room = self._find(name)
            self._seats.pop(visitor, None)
            if room is None or not visitor:
                return ""
            presents = _same(room.key, key)
            self._seats[visitor] = _Seat(room.name, presents)
            while len(self._seats) > _SEATS:
                self._seats.popitem(last=False)
        return "presenter" if presents else "participant"

    def show(self, visitor: str, parts: Mapping[str, str], *, of: str | None = None) -> None:
        """Show the room what a presenter sees; of anybody else nothing is shown.

        Args:
            visitor: Whose page it is.
            parts: What has changed, by name. HTML among them is made here, never in a browser.
            of: A request: shown only where the room is at that one.
        """
        with self._lock:
            room = self._room_of(visitor, presents=True)
            if room is not None and (of is None or room.part("request") == of):
                room.used = self._clock()
                room.show(parts)

    def add_tried(self, visitor: str, request: str, outcomes: Mapping[str, str]) -> None:
        """Note what a participant has tried, for the presenter's table; nothing of others."""
        with self._lock:
            room = self._room_of(visitor, presents=False)
            if room is not None:
                room.add(request, outcomes, self._clock())

    def look(self, name: str, person: str, known: int, *, exploring: bool) -> RoomNews | None:
        """Return what is new to a participant, or None where there is no such room.

        Args:
            name: Of the room.
            person: A random word that the page has made up.
            known: The version that the page has seen.
            exploring: Whether its visitor is on their own.
        """
        with self._lock:
            room = self._find(name)
            if room is None:
                return None
            if person:
                room.come(person[:40], self._clock(), exploring=exploring)
            return room.look(known)

    def wait_ms(self, name: str) -> int:
        """Return how long a page waits until it looks again, in milliseconds."""
        with self._lock:
            room = self._find(name)
            people = room.here(self._clock()) if room is not None else 0
        return max(_LEAST_MS, min(_MOST_MS, _SHARE_MS * people))

    def watch(self, name: str, key: str, known: int) -> Watched:
        """Return what the presenter sees of the room.

        Raises:
            SteeringError: If there is no such room, or the key is another one.
        """
        with self._lock:
            room = self._led(name, key)
            room.used = self._clock()
            return room.watch(known, room.used)

    def mark(
        self,
        name: str,
        key: str,
        number: int,
        *,
        pinned: bool | None = None,
        hidden: bool | None = None,
    ) -> None:
        """Pin or hide a row, or take that back.

        Raises:
            SteeringError: If the key is another one, or the row is gone.
        """
        with self._lock:
            self._led(name, key).mark(number, pinned=pinned, hidden=hidden)

    def rows(self, name: str, key: str) -> tuple[Tried, ...]:
        """Return what the room tried, hidden rows left out.

        Raises:
            SteeringError: If the key is another one.
        """
        with self._lock:
            return tuple(row for row in self._led(name, key).rows if not row.hidden)

    def _room_of(self, visitor: str, *, presents: bool) -> Room | None:
        seat = self._seats.get(visitor)
        if seat is None or seat.presents != presents:
            return None
        return self._find(seat.room)

    def _find(self, name: str) -> Room | None:
        room = self._rooms.get(name)
        if room is not None and self._clock() - room.used > IDLE_SECONDS:
            self._close(name)
            return None
        return room

    def _led(self, name: str, key: str) -> Room:
        room = self._find(name)
        if room is None:
            raise SteeringError(f"there is no room {name[:NAME_CHARACTERS]!r} now; start one")
        if not _same(room.key, key):
            raise SteeringError("this is not the presenter's key; open the presenter's link")
        return room

    def _gave_way(self, names: list[str]) -> bool:
        """Close that of some rooms whose presenter is away for longest, if it is for long."""
        oldest = min(names, key=lambda name: self._rooms[name].used)
        if self._clock() - self._rooms[oldest].used <= LEFT_SECONDS:
            return False
        self._close(oldest)
        return True

    def _sweep(self) -> None:
        for name in list(self._rooms):
            self._find(name)

    def _close(self, name: str) -> None:
        del self._rooms[name], self._holders[name]
        for visitor in [each for each, seat in self._seats.items() if seat.room == name]:
            del self._seats[visitor]


def slug(name: str) -> str:
    """Return a name as it stands in a link: small letters, digits and hyphens; may be empty."""
    plain = normalize("NFKD", name[: 4 * NAME_CHARACTERS]).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain.lower())[:NAME_CHARACTERS].strip("-")


def suggested() -> str:
    """Return a name that nobody guesses in passing and everybody can type from a wall."""
    words = (secrets.choice(_WORDS), secrets.choice(_WORDS))
    return f"{words[0]}-{words[1]}-{secrets.randbelow(900) + 100}"


def _same(key: str, given: str) -> bool:
    return hmac.compare_digest(key.encode(), given.encode("utf-8", "replace"))
