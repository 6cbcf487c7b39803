import builtins
import os

import pytest

from steering.cluster import ray_door
from steering.errors import SteeringError
from tests.cluster.conftest import RAY_WAS_IMPORTED
from tests.helpers.thread_ray import ThreadRay


def test_where_ray_is_missing_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "ray":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SteeringError, match=r"refusal-steering-playground\[cluster\]"):
        ray_door.ray()
    with pytest.raises(SteeringError, match=r"refusal-steering-playground\[cluster\]"):
        ray_door.serve()


EVERYTHING = """
import importlib, pkgutil, steering
for module in pkgutil.walk_packages(steering.__path__, "steering."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.mark.slow
def test_no_module_imports_ray_before_it_is_asked_for(ray_that_ends):
    assert ray_that_ends(EVERYTHING) == 0
    asks = "from steering.cluster import ray_door; ray_door.ray()"
    assert ray_that_ends(EVERYTHING + asks) == RAY_WAS_IMPORTED


class SlowStartError(Exception):
    """Ray's own is of no class."""


class Door(ThreadRay):
    """Fails so many times before it opens."""

    def __init__(self, failures):
        super().__init__()
        self.failures, self.given, self.closed = failures, [], 0

    def init(self, address, **given):
        self.given.append((address, given.get("num_cpus")))
        if len(self.given) <= self.failures:
            raise SlowStartError("The current node timed out during startup.")

    def shutdown(self):
        self.closed += 1


@pytest.mark.parametrize("failures", [0, 2])
def test_a_slow_start_of_a_cluster_of_ones_own_is_tried_again(monkeypatch, failures):
    door = Door(failures)
    monkeypatch.setattr(ray_door, "ray", lambda: door)
    assert ray_door.connect(None, processors=3) is door
    assert door.given == [("local", 3)] * (failures + 1)
    assert door.closed == failures


@pytest.mark.parametrize(("address", "tries"), [(None, 3), ("ray.example:6379", 1)])
def test_a_cluster_that_cannot_be_reached_is_named(monkeypatch, address, tries):
    door = Door(9)
    monkeypatch.setattr(ray_door, "ray", lambda: door)
    with pytest.raises(SteeringError, match=address or "this machine"):
        ray_door.connect(address, processors=3)
    assert len(door.given) == tries
    assert door.given[0] == (address or "local", None if address else 3)


def test_workers_have_the_settings_of_this_process_and_nothing_else(monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", "here")
    monkeypatch.setenv("SECRET_OF_OTHERS", "no")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")  # Ray says which GPU is a worker's
    found = ray_door.environment({"OMP_NUM_THREADS": "3"})["env_vars"]
    assert found["STEERING_CACHE"] == "here"
    assert found["OMP_NUM_THREADS"] == "3"
    assert not found.keys() & {"SECRET_OF_OTHERS", "CUDA_VISIBLE_DEVICES"}
    assert found["PYTHONPATH"].split(os.pathsep)[0]
