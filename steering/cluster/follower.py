"""What a worker of shared work does: the same command, in which stages are the leader's."""

import argparse
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from steering.artifacts import team
from steering.cluster.board import Handout
from steering.inference.answering import requests_alone

_LOOK_SECONDS: Final = 0.1
"""How often a follower that waits looks again (chosen)."""

Asks = Callable[..., Any]
"""Calls a method of the board by its name and returns what it gives."""


class Follower:
    """Finds what the board hands out."""

    def __init__(self, number: int, ask: Asks) -> None:
        """Begin without work.

        Args:
            number: Of this worker.
            ask: Reaches the board.
        """
        self.number, self.ask = number, ask

    def lines(
        self, stage: str, compute: Callable[[list[str]], Iterable[tuple[str, dict[str, Any]]]]
    ) -> Mapping[str, dict[str, Any]]:
        """Find results until the stage is whole; returns those of all keys."""
        while True:
            claim: Handout = self.ask("claim", self.number, stage)
            if claim.found is not None:
                return claim.found
            if claim.keys:
                with team.apart():
                    for key, value in compute(list(claim.keys)):
                        self.ask("give", stage, key, value)
            else:
                time.sleep(_LOOK_SECONDS)

    def tensors(self, stage: str) -> bytes:
        """Return the file of a stage's tensors when the leader has made it."""
        while True:
            found: bytes | None = self.ask("tensors", self.number, stage)
            if found is not None:
                return found
            time.sleep(_LOOK_SECONDS)


def follow(
    follower: Follower,
    command: Callable[[argparse.Namespace], object],
    options: argparse.Namespace,
    folder: Path,
) -> None:
    """Run a command up to where only its leader goes on.

    Args:
        follower: Finds what is shared.
        command: What the leader runs.
        options: What the leader was told.
        folder: The leader's, which paths are relative to; left where there is no such folder.
    """
    if folder.is_dir():
        os.chdir(folder)
    try:
        with requests_alone(), team.followed(follower):
            command(options)
    except team.PartDoneError:
        pass
