"""Several processes on the same stages: one leads and keeps what is found, the others find it.

All of them run the same work on the same arguments, and so come to the same stages in the same
order. Whoever follows takes keys of a stage, and gives what it finds of them to the leader; when a
stage is whole, everybody has all of it and goes on. So whatever keeps its results in stages can be
shared, and what lies between stages is done by everybody. How the processes speak with each other
is for others to say: see `cluster`.
"""

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

StageLine = dict[str, Any]
"""The result of a key, JSON types."""


class PartDoneError(Exception):
    """A follower has done all that is shared; what comes now is the leader's alone."""


class Leads(Protocol):
    """Hands keys out and has what is found, and tells the others of whole stages."""

    def lines(self, stage: str, groups: Sequence[Sequence[str]]) -> Iterator[tuple[str, StageLine]]:
        """Yield what the followers find of all these keys, in the order in which it comes."""

    def end(self, stage: str, found: Mapping[str, StageLine]) -> None:
        """Tell everybody that a stage is whole."""

    def show(self, stage: str, path: Path) -> None:
        """Tell everybody in which file the tensors of a stage are."""


class Follows(Protocol):
    """Finds what the leader asks for."""

    def lines(
        self, stage: str, compute: Callable[[list[str]], Iterable[tuple[str, StageLine]]]
    ) -> Mapping[str, StageLine]:
        """Find results until the stage is whole; returns those of all keys."""

    def tensors(self, stage: str) -> bytes:
        """Return the file of a stage's tensors when the leader has made it."""


_LEADS: ContextVar[Leads | None] = ContextVar("leads", default=None)
_FOLLOWS: ContextVar[Follows | None] = ContextVar("follows", default=None)
_FOLDERS: ContextVar[ExitStack] = ContextVar("what a follower leaves when it ends")


def leading() -> Leads | None:
    """Return by what work is shared here; None where it is not, or is somebody else's."""
    return _LEADS.get()


def following() -> Follows | None:
    """Return whom work here is a part of; None where it is nobody's."""
    return _FOLLOWS.get()


@contextmanager
def led(leader: Leads) -> Generator[None]:
    """Share stages of work inside of the block."""
    token = _LEADS.set(leader)
    try:
        yield
    finally:
        _LEADS.reset(token)


@contextmanager
def followed(follower: Follows) -> Generator[None]:
    """Let stages of work inside of the block be a leader's; what it writes is gone after it."""
    with ExitStack() as folders:
        tokens = _FOLLOWS.set(follower), _FOLDERS.set(folders)
        try:
            yield
        finally:
            _FOLLOWS.reset(tokens[0])
            _FOLDERS.reset(tokens[1])


@contextmanager
def apart() -> Generator[None]:
    """Share nothing inside of the block: stages within a stage are of whoever computes it."""
    tokens = _LEADS.set(None), _FOLLOWS.set(None)
    try:
        yield
    finally:
        _LEADS.reset(tokens[0])
        _FOLLOWS.reset(tokens[1])


def part_done() -> None:
    """Say that nothing is shared any more: only the leader, or who works alone, goes on.

    Raises:
        PartDoneError: In a follower, which ends by it.
    """
    if following() is not None:
        raise PartDoneError


def place(path: Path) -> Path:
    """Return where results on the way go: there, or in a follower where nobody looks."""
    if following() is None:
        return path
    folder = tempfile.TemporaryDirectory(prefix="steering-worker-")
    return Path(_FOLDERS.get().enter_context(folder)) / path.name
