"""Where a leader hands out keys and followers bring what they found; plain Python, made an actor.

Nothing hangs on who finds what, nor in which order: a key that was handed out and not brought back
is handed out again, and one that comes twice counts once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Handout:
    """What a follower may do about a stage.

    Attributes:
        keys: What to find; empty to wait.
        found: The results of the whole stage, once it is whole.
    """

    keys: tuple[str, ...] = ()
    found: Mapping[str, dict[str, Any]] | None = None


class Board:
    """The stages of one piece of work."""

    def __init__(self, workers: int) -> None:
        """Begin with no stage.

        Args:
            workers: How many share the work.
        """
        self.workers = workers
        self._stage = ""
        self._groups: list[list[str]] = []
        self._held: dict[int, list[list[str]]] = {}
        self._brought: list[tuple[str, dict[str, Any]]] = []
        self._known: set[str] = set()
        self._whole: dict[str, Mapping[str, dict[str, Any]]] = {}
        self._tensors: dict[str, bytes] = {}
        self._waiting: dict[int, str] = {}

    def open(self, stage: str, groups: Sequence[Sequence[str]]) -> None:
        """Hand out the keys of a stage from now on; those of a group go to one follower."""
        self._stage, self._groups = stage, [list(group) for group in groups]
        self._held, self._known, self._brought = {}, set(), []
        self._waiting = {each: other for each, other in self._waiting.items() if other != stage}

    def end(self, stage: str, found: Mapping[str, dict[str, Any]]) -> None:
        """Keep a whole stage for whoever comes to it."""
        self._whole[stage] = found
        self._stage, self._groups, self._held = "", [], {}

    def show(self, stage: str, tensors: bytes) -> None:
        """Keep the file of a stage's tensors for whoever comes to it."""
        self._tensors[stage] = tensors
        self._waiting = {each: other for each, other in self._waiting.items() if other != stage}

    def tensors(self, worker: int, stage: str) -> bytes | None:
        """Return the file of a stage's tensors; None while it is not there."""
        self._waiting.pop(worker, None)
        if stage not in self._tensors:
            self._waiting[worker] = stage
        return self._tensors.get(stage)

    def claim(self, worker: int, stage: str) -> Handout:
        """Return what a follower finds next; many groups at first, few towards the end."""
        self._waiting.pop(worker, None)
        if stage in self._whole:
            return Handout(found=self._whole[stage])
        if stage != self._stage:
            self._waiting[worker] = stage
            return Handout()
        size = max(1, len(self._groups) // (2 * self.workers))
        taken, self._groups = self._groups[:size], self._groups[size:]
        # It has brought what it held, or else it would not ask.
        self._held[worker] = taken
        return Handout(keys=tuple(key for group in taken for key in group))

    def give(self, stage: str, key: str, value: dict[str, Any]) -> None:
        """Bring the result of a key; one that is known already, or of an old stage, is dropped.

        Somebody who was held for gone may come back with it.
        """
        if stage == self._stage and key not in self._known:
            self._known.add(key)
            self._brought.append((key, value))

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what was brought since the last time."""
        brought, self._brought = self._brought, []
        return brought

    def free(self, worker: int) -> None:
        """Hand out again what a follower held that is gone."""
        self._waiting.pop(worker, None)
        rest = [
            [key for key in group if key not in self._known] for group in self._held.pop(worker, [])
        ]
        self._groups = [group for group in rest if group] + self._groups

    def astray(self) -> str | None:
        """Return a stage that somebody waits for though another one is open; None as a rule.

        All come to the same stages in the same order, and to the next one when one is whole. So
        whoever waits for another one than the open one is not at the same work, and would wait
        for ever.
        """
        return next(iter(self._waiting.values()), None) if self._stage else None
