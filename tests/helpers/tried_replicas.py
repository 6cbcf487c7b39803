"""Pages with real replicas, each in a process of its own, and what is expected of them."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 600.0
"""Seconds after which whatever is waited for does not come (chosen: Ray's start on busy cores)."""


def tried(trial: str, models: Sequence[str], cache: Path) -> dict[str, Any]:
    """Return what a page's process found, which ends with its cluster."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.replica_trial", trial, *models],
        env={**os.environ, "OMP_NUM_THREADS": "1", "STEERING_CACHE": str(cache)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_PATIENCE,
    )
    # Ray may end a process badly when all is done and said.
    assert done.stdout.strip(), "it said nothing"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def two_wrote_as_one(found: dict[str, Any]) -> None:
    """Check what two replicas wrote, of which one was killed while six visitors waited."""
    assert found["here"] == found["there"]
    assert found["left"], "whoever leaves is noticed there"
    visitors = found["visitors"]
    assert all(each["same"] for each in visitors)
    unlucky = [each for each in visitors if each["tries"] > 1]
    assert 0 < len(unlucky) < len(visitors), "some were with the replica that was killed"
    for each in visitors:
        assert len(each["sentences"]) == each["tries"] - 1
