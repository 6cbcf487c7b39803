"""Work for several workers, which are threads here."""

import argparse
import os
import subprocess
import sys

import pytest

from steering.cluster import ray_door
from tests.helpers.thread_ray import ThreadRay

RAY_WAS_IMPORTED = 9


@pytest.fixture
def ray_that_ends(tmp_path):
    """Return a function that runs a program, with variables; it ends where it imports Ray.

    So it says the same of a machine with Ray as of one without.
    """
    (tmp_path / "ray.py").write_text(f"import os\nos._exit({RAY_WAS_IMPORTED})\n", "utf-8")

    def run(program: str, **variables: str) -> int:
        path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, **variables}
        return subprocess.run([sys.executable, "-c", program], env=environment).returncode

    return run


@pytest.fixture
def threads(monkeypatch, tmp_path) -> ThreadRay:
    """Ray with threads for processes, and a cache of the test's own."""
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    found = ThreadRay()
    monkeypatch.setattr(ray_door, "ray", lambda: found)
    monkeypatch.setattr(ray_door, "connect", lambda *_, **__: found)
    return found


@pytest.fixture
def asked():
    """Options of a command, as the command line reads them."""

    def made(workers: int | None, address: str | None = None) -> argparse.Namespace:
        return argparse.Namespace(workers=workers, address=address, device="cpu", run=print)

    return made
