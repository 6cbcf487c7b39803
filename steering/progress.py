"""What long work tells whoever watches: steps, counted or named."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from steering.disk import size_of

POLL_SECONDS = 0.5
"""How often the size of a growing download is looked up (chosen: smooth enough for a bar)."""


@dataclass(frozen=True)
class Step:
    """How far one stage of the work is.

    Attributes:
        label: What is being done, as shown to the reader.
        done: Amount finished, from 0 to `total`.
        total: The whole amount, in `unit`; 0 where it is not known.
        unit: What is counted: "B" for bytes, "step" for named steps.
    """

    label: str
    done: int
    total: int
    unit: str


Report = Callable[[Step], None]
"""Is told every step, now and then from another thread than the one that asked for the work."""


def silent(_step: Step) -> None:
    """Drop the step: nobody watches."""


_watcher: ContextVar[Report] = ContextVar("watcher", default=silent)


@contextmanager
def watched_by(report: Report) -> Generator[None]:
    """Let `report` hear what work inside the `with` block tells, in this thread.

    Whatever it raises ends the work, which goes on from its last finished step the next time.
    """
    token = _watcher.set(report)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell(label: str, done: int, total: int, unit: str = "step") -> None:
    """Tell whoever watches this thread how far a stage is."""
    _watcher.get()(Step(label, done, total, unit))


@contextmanager
def watch_growth(folder: Path, *, label: str, total: int, report: Report) -> Generator[None]:
    """Report the bytes that gather under `folder` until the `with` block ends.

    Looking at the disk serves every downloader alike, whatever progress bar it has or lacks.

    Args:
        folder: Where the download writes; it need not exist yet.
        label: The step's label.
        total: Bytes expected.
        report: Who is told; called from a thread of its own.
    """
    over = threading.Event()

    def look() -> None:
        while not over.wait(POLL_SECONDS):
            report(Step(label, min(size_of(folder), total), total, "B"))

    watcher = threading.Thread(target=look, name="download-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
