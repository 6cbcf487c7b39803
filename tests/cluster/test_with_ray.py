"""Workers as real processes of Ray: the same bits, one killed in the middle, the leader killed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from steering.artifacts import store
from tests.helpers.tiny_models import HARMFUL, HARMLESS

pytest.importorskip("ray", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow
_PATIENCE = 600.0
"""Seconds after which whatever is waited for does not come (chosen: Ray's start on busy cores)."""


class Run:
    """`evaluate` on a tiny model, in a process of its own."""

    def __init__(self, folder: Path, workers: int, cache: str) -> None:
        self.folder, self.cache = folder, folder / cache
        self.texts = folder / f"{cache} {workers}.jsonl"
        files = [f"--{name}={folder / f'{name}.txt'}" for name in ("harmful", "harmless")]
        with (folder / f"{cache}.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "steering", "evaluate", "--json", "--text", "none"),
                    *(f"--model={folder / 'model'}", f"--directions={folder / 'made'}", *files),
                    *("--panel", "flip:k=2", "--max-new-tokens", "24", "--dtype", "float32"),
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


@pytest.fixture(scope="module")
def folder(tiny, fitted, tmp_path_factory) -> Path:
    found = tmp_path_factory.mktemp("tiny")
    tiny.network.save_pretrained(found / "model")
    tiny.tokenizer.save_pretrained(found / "model")
    store.write(found / "made", replace(fitted, model=str(found / "model")), {})
    for name, texts in (("harmful", HARMFUL), ("harmless", HARMLESS)):
        (found / f"{name}.txt").write_text("\n".join(texts), "utf-8")
    return found


@pytest.fixture(scope="module")
def one(folder) -> tuple[dict, str]:
    return Run(folder, 1, "one").result()


def test_two_workers_of_whom_one_is_killed_give_the_bits_of_one_process(folder, one):
    run = Run(folder, 2, "two")
    victim = run.wait_for(2)[0]
    victim.kill()
    document, texts = run.result()
    assert (document, texts) == one
    assert "is gone, another one takes its place" in (folder / "two.log").read_text("utf-8")


def test_a_leader_that_is_killed_goes_on_and_gives_the_same_bits(folder, one):
    run = Run(folder, 2, "again")
    run.wait_for(2)
    family = psutil.Process(run.process.pid).children(recursive=True)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait(60)
    run.process.stdout.close()
    for each in family:  # the head of the cluster and its workers die with it
        if each.is_running():
            each.kill()
    known = run.lines()
    assert 2 <= known < len(HARMFUL) + len(HARMLESS)
    assert Run(folder, 1, "again").result() == one
