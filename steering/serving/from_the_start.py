"""Runs whose replica ends in the middle: begun again from the start, with a sentence."""

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from steering.errors import SteeringError

_TRIES: Final = 3
"""Replicas that one run may lose; then something else than a machine is wrong (chosen)."""
_Shown = TypeVar("_Shown")
_End = TypeVar("_End")


class ReplicaLostError(SteeringError):
    """The replica that wrote a run's answers is gone, and with it what their rows had read."""

    def __init__(self) -> None:
        """Say so to the visitor; what is known of the reason is in the log."""
        super().__init__(
            "the process that wrote these answers is gone; another one answers from the start"
        )


def from_the_start(
    begin: Callable[[], Generator[_Shown, None, _End]],
    lost: Callable[[ReplicaLostError], _Shown],
) -> Generator[_Shown, None, _End]:
    """Yield what a run shows, and what it shows from the start again when its replica was lost.

    Args:
        begin: Begins the run; called again after a loss.
        lost: Returns what is shown between two tries.

    Returns:
        What the run returns that came to its end.

    Raises:
        SteeringError: What the run raises; also if it loses one replica after another.
    """
    for left in reversed(range(_TRIES)):
        try:
            return (yield from begin())
        except ReplicaLostError as error:
            if not left:
                raise SteeringError(
                    "the processes that write answers end again and again; the server's log says "
                    "why; try again in a minute"
                ) from error
            yield lost(error)
    raise AssertionError("the last try returns or raises")
