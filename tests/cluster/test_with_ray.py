"""Workers as real processes of Ray: the same bits, one killed in the middle, the leader killed."""

import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from steering.artifacts import store
from tests.helpers.tiny_models import HARMFUL, HARMLESS
from tests.helpers.worker_run import Run

pytestmark = [pytest.mark.slow, pytest.mark.ray]


def begun(folder: Path, workers: int, cache: str) -> Run:
    files = [f"--{name}={folder / f'{name}.txt'}" for name in ("harmful", "harmless")]
    made = (f"--model={folder / 'model'}", f"--directions={folder / 'made'}", *files)
    more = ("--panel", "flip:k=2", "--max-new-tokens", "24", "--dtype", "float32")
    return Run(folder, workers, cache, (*made, *more))


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
    return begun(folder, 1, "one").result()


def test_two_workers_of_whom_one_is_killed_give_the_bits_of_one_process(folder, one):
    run = begun(folder, 2, "two")
    victim = run.wait_for(2)[0]
    victim.kill()
    document, texts = run.result()
    assert (document, texts) == one
    assert "is gone, another one takes its place" in (folder / "two.log").read_text("utf-8")


def test_a_leader_that_is_killed_goes_on_and_gives_the_same_bits(folder, one):
    run = begun(folder, 2, "again")
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
    assert begun(folder, 1, "again").result() == one
