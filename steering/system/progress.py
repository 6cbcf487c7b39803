"""Progress of long work: steps, counted or named.

On a terminal a bar, elsewhere (a log, a job's output) a line at the start and end of each stage
and, between, one every half minute or every tenth of the work, whichever is rarer; both go to
stderr, and the lines to a file as well, for whoever comes back later.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from steering.system.cache_folders import cache_folder
from steering.system.disk_space import size_of

POLL_SECONDS = 0.5
"""How often the size of a growing download is looked up (chosen: smooth enough for a bar)."""

_LINE_SECONDS = 30.0
"""Least time between two lines of a stage where no bar can be drawn (chosen)."""
_LINES: Final = 10
"""Lines of a stage at most, beside its first and last: hours of work leave a short log (chosen)."""
_UNITS: Final = (("h", 3600), ("min", 60), ("s", 1))


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
"""Progress callback; called for every step, sometimes from another thread than the caller's."""


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
    """Report how far a stage is to the watcher of this thread."""
    _watcher.get()(Step(label, done, total, unit))


@contextmanager
def watch_growth(folder: Path, *, label: str, total: int, report: Report) -> Generator[None]:
    """Report the bytes that gather under `folder` until the `with` block ends.

    Looking at the disk serves every downloader alike, whatever progress bar it has or lacks. What
    has gathered never becomes less: pip copies what it has fetched, and deletes the first of both.

    Args:
        folder: Where the download writes; it need not exist yet.
        label: The step's label.
        total: Bytes expected.
        report: Who is told; called from a thread of its own.
    """
    over = threading.Event()

    def look() -> None:
        most = 0
        while not over.wait(POLL_SECONDS):
            most = max(most, min(size_of(folder), total))
            report(Step(label, most, total, "B"))

    watcher = threading.Thread(target=look, name="download-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


class Stage:
    """One stage of long work, as `stage` reports it.

    Attributes:
        label: What is being done.
        total: The whole amount; 0 where it is not known.
        unit: What is counted; "B" for bytes.
        done: Amount finished.
    """

    def __init__(self, label: str, total: int, unit: str, done: int) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self._before, self._told, self._began = done, done, time.monotonic()
        self._bar: Any = None
        if _is_terminal():
            self._bar = tqdm(
                desc=label,
                total=total or None,
                initial=done,
                unit=unit,
                unit_scale=unit == "B",
                leave=unit == "B" or total > 1,
            )

    def advance(self, amount: int = 1) -> None:
        """Count what was finished, and report it to the watcher of this thread."""
        self.done += amount
        tell(self.label, self.done, self.total, self.unit)
        if self._bar is not None:
            self._bar.update(amount)

    @property
    def is_due(self) -> bool:
        """Whether enough has been done since the last line; always where the whole is not known."""
        return (self.done - self._told) * _LINES >= self.total

    def tell(self, *, end: str | None = None) -> None:
        """Say how far it is, to the log and, where no bar is drawn, to stderr."""
        self._told = self.done
        amount = f": {self._amount()}" if self.total or self.done else ""
        line = f"{time.strftime('%H:%M:%S')} {self.label}{amount}"
        passed = time.monotonic() - self._began
        if end is not None:
            line += f", {end} after {_duration(passed)}"
        elif self.total and self.done > self._before:
            # By what this run has done, not by what was found finished.
            left = passed * (self.total - self.done) / (self.done - self._before)
            line += f", about {_duration(left)} left"
        path = _log_file(cache_folder())
        if self._bar is None:
            _write(line)
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _amount(self) -> str:
        if self.unit == "B":
            done, total = (f"{n / 1e6:,.0f} MB" for n in (self.done, self.total))
        else:
            done, total = f"{self.done:,}", f"{self.total:,}"
        return f"{done} of {total}" if self.total else done


@contextmanager
def stage(label: str, total: int, *, unit: str = "step", done: int = 0) -> Generator[Stage]:
    """Report one stage of long work until the `with` block ends, however it ends.

    Args:
        label: What is being done, as shown to the reader.
        total: The whole amount; 0 where it is not known.
        unit: What is counted; "B" for bytes.
        done: What an earlier run has finished; the estimate of the time left does not count it.
    """
    running = Stage(label, total, unit, done)
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LINE_SECONDS):
            if running.is_due:
                running.tell()

    running.tell()
    # A thread: where the whole is not known, nobody else would say that the work goes on.
    watcher = threading.Thread(target=look, name="progress-lines", daemon=True)
    watcher.start()
    end = "stopped"
    try:
        yield running
        end = "done"
    finally:
        over.set()
        watcher.join()
        running.close()
        running.tell(end=end)


def _is_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # there is none, or it was closed
        return False


def _write(line: str) -> None:
    if sys.stderr is not None:  # as where the shell closed it
        with suppress(OSError, ValueError):  # the reader has gone; the work goes on
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


@cache
def _log_file(folder: Path) -> Path:
    """Return this process's log file; the first time it is made, and its path told."""
    path = folder / "logs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    with suppress(OSError):  # a log that cannot be kept stops no work
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        _write(f"progress is kept in {path}")
    return path


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it, rounded."""
    name, size = next((u for u in _UNITS if seconds >= 1.5 * u[1]), _UNITS[-1])
    return f"{round(seconds / size)} {name}"


def amount(step: Step) -> str:
    """Return how far a step is: `3 of 8`, or megabytes; empty where the whole is not known."""
    if step.total <= 0:
        return ""
    if step.unit == "B":
        return f"{step.done / 1e6:,.0f} of {step.total / 1e6:,.0f} MB"
    return f"{step.done:,} of {step.total:,}"
