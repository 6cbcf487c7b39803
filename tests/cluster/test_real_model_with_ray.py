"""SmolLM2-135M-Instruct, with its weights, on two workers and on two replicas of Ray."""

from pathlib import Path

import pytest

from steering.data.prompts import prompt_set
from steering.sources import weights
from tests.helpers.tried_replicas import tried, two_wrote_as_one
from tests.helpers.worker_run import Run

pytestmark = [pytest.mark.model, pytest.mark.ray]
NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    weights.fetch(NAME)
    found = tmp_path_factory.mktemp("real")
    for name in ("harmful", "harmless"):
        texts = [each.text for each in prompt_set(name, "test")[:3]]
        (found / f"{name}.txt").write_text("\n".join(texts), "utf-8")
    return found


def begun(folder: Path, workers: int, cache: str) -> Run:
    """Begin an evaluation whose results are its own, with the weights that are there."""
    (folder / cache).mkdir()
    for shared in ("models", "drift"):
        (folder / cache / shared).symlink_to(weights.cache_folder() / shared)
    files = [f"--{name}={folder / f'{name}.txt'}" for name in ("harmful", "harmless")]
    more = ("--panel", "flip:k=2", "--max-new-tokens", "12", "--dtype", "float32")
    return Run(folder, workers, cache, (f"--model={NAME}", *files, *more))


def test_two_workers_of_whom_one_is_killed_measure_what_one_measures(folder):
    one = begun(folder, 1, "one").result()
    two = begun(folder, 2, "two")
    two.wait_for(1)[0].kill()
    assert two.result() == one
    assert "is gone, another one takes its place" in (folder / "two.log").read_text("utf-8")


def test_two_replicas_of_whom_one_is_killed_write_what_one_process_writes(folder):
    two_wrote_as_one(tried("real", [NAME], weights.cache_folder()))
