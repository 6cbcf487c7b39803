"""Replicas as real processes of Ray Serve: the bits, a death, two models, one to two and back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import tiny_models

pytest.importorskip("ray.serve", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 600.0
"""Seconds after which whatever is waited for does not come (chosen: Ray's start on busy cores)."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    """Two models whose answers never end by themselves."""
    found = []
    for seed in (1, 2):
        family = tiny_models.FAMILIES["qwen2"]
        tokenizer = tiny_models.make_tokenizer(family)
        network = tiny_models.make_network(family, tokenizer, seed=seed)
        endless = tiny_models.without_end(tiny_models.inspect("tiny", network, tokenizer))
        folder = tmp_path_factory.mktemp(f"tiny{seed}")
        endless.network.save_pretrained(folder)
        endless.tokenizer.save_pretrained(folder)
        found.append(str(folder))
    return found


def tried(trial: str, folders: list[str], cache: Path) -> dict:
    """Return what a page's process found, which ends with its cluster."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.replica_trial", trial, *folders],
        env={**os.environ, "OMP_NUM_THREADS": "1", "STEERING_CACHE": str(cache)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_PATIENCE,
    )
    # Ray may end a process badly when all is done and said.
    assert done.stdout.strip(), "it said nothing"
    return json.loads(done.stdout.splitlines()[-1])


def test_two_replicas_write_the_bits_of_one_process_and_one_may_die(folders, tmp_path):
    found = tried("same", folders, tmp_path)
    assert found["here"] == found["there"]
    assert found["left"], "whoever leaves is noticed there"
    visitors = found["visitors"]
    assert all(each["same"] for each in visitors)
    unlucky = [each for each in visitors if each["tries"] > 1]
    assert 0 < len(unlucky) < len(visitors), "some were with the replica that was killed"
    for each in visitors:
        assert len(each["sentences"]) == each["tries"] - 1


def test_a_replica_may_hold_two_models(folders, tmp_path):
    found = tried("multiplexed", folders, tmp_path)
    assert found["here"] == found["there"]
    assert found["here"][0] == found["here"][2] != found["here"][1]


def test_one_replica_becomes_two_under_load_and_one_again_and_nobody_loses_anything(
    folders, tmp_path
):
    found = tried("scaled", folders, tmp_path)
    assert found == {"counts": [1, 2, 1], "lost": []}
