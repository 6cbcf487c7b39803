"""The command `evaluate --workers N`, run, looked at and killed by tests."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

_PATIENCE = 600.0
"""Seconds after which whatever is waited for does not come (chosen: Ray's start on busy cores)."""


class Run:
    """`evaluate` in a process of its own, with a cache of its own."""

    def __init__(self, folder: Path, workers: int, cache: str, options: Sequence[str]) -> None:
        """Begin.

        Args:
            folder: Where cache, texts and log are written.
            workers: How many answer.
            cache: Name of the cache.
            options: Of the command.
        """
        self.folder, self.cache = folder, folder / cache
        self.texts = folder / f"{cache} {workers}.jsonl"
        with (folder / f"{cache}.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "steering", "evaluate", "--json", "--text", "none"),
                    *options,
                    *("--workers", str(workers), f"--texts={self.texts}"),
                ],
                env={**os.environ, "OMP_NUM_THREADS": "1", "STEERING_CACHE": str(self.cache)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def lines(self) -> int:
        """Return how many prompts are done."""
        return sum(
            len(file.read_text("utf-8").splitlines())
            for file in self.cache.glob("precompute/*/answers.jsonl")
        )

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in found if "ray::steering worker" in " ".join(each.cmdline())]

    def wait_for(self, lines: int) -> list[psutil.Process]:
        """Wait until so many prompts are done and the rest is not; return who answers."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, "it ended before it could be killed"
            if self.lines() >= lines and (found := self.workers()):
                return found
            time.sleep(0.02)
        raise AssertionError("nothing was answered")

    def result(self) -> tuple[dict, str]:
        """Return the document without what it cost, and the texts."""
        out, _ = self.process.communicate(timeout=_PATIENCE)
        assert self.process.returncode == 0
        document = json.loads(out)
        del document["seconds"]
        return document, self.texts.read_text("utf-8")
