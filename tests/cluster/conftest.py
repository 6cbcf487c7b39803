"""Work for several workers, which are threads here."""

import argparse

import pytest

from steering.cluster import ray_door
from tests.helpers.thread_ray import ThreadRay


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
