"""How many threads multiply matrices."""

import os
import subprocess
import sys

import joblib
import psutil
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from steering.system.threads import (
    limit_to_cores,
    one_for_small_products,
    sleep_while_waiting,
)


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("set_to", "allowed", "physical", "used"),
    [
        (4, 4, 2, 2),  # two hardware threads a core
        (4, 3, 8, 3),  # a container that may use three of eight
        (4, 3, None, 3),  # a system that does not tell its cores
        (1, 2, 2, 1),
        (2, 2, 2, 2),
    ],
)
def test_there_are_at_most_as_many_threads_as_cores_and_never_more_than_were_set(
    monkeypatch, set_to, allowed, physical, used
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: allowed)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None if logical else physical)
    torch.set_num_threads(set_to)
    assert limit_to_cores() == torch.get_num_threads() == used


def test_nothing_is_said_where_no_program_tells_the_cores():
    code = "from steering.system.threads import limit_to_cores; limit_to_cores()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": os.devnull},
    )
    assert done.stdout == done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system sets no affinity")
def test_a_process_that_may_use_one_core_uses_one_thread():
    # OpenMP sees affinity only at its start, so it is set after that.
    code = (
        "import os, torch; torch.set_num_threads(4)\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from steering.system.threads import limit_to_cores\n"
        "print(limit_to_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise():
    found = {}
    sleep_while_waiting(found)
    assert found == {"OMP_WAIT_POLICY": "PASSIVE"}
    found = {"OMP_WAIT_POLICY": "ACTIVE"}
    sleep_while_waiting(found)
    assert found == {"OMP_WAIT_POLICY": "ACTIVE"}


def test_numpy_multiplies_on_one_thread_inside_and_as_before_behind():
    def used() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        before = torch.get_num_threads(), used()
        with one_for_small_products():
            assert used() == {1}
            assert torch.get_num_threads() == before[0]
        assert (torch.get_num_threads(), used()) == before
