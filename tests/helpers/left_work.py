"""Threads that a test leaves behind, and the wait for their end."""

import threading

AT_WORK = ("load", "fit", "steps", "worker")
"""Names of the threads that read with a model or bring one. Those of `steps` go on for one more
pass when nobody waits for them any longer, those of `worker` are tasks of Ray's stand-in."""


def wait_for_left_work(seconds: float = 600.0) -> None:
    """Wait for threads that still work with a model.

    Models are shared by all tests of a process and turns are taken by engine, so the hooks of a
    thread that is left would be in the next test's passes.

    Raises:
        AssertionError: If one has not ended after `seconds`.
    """
    for thread in threading.enumerate():
        if thread.name in AT_WORK:
            thread.join(seconds)
            assert not thread.is_alive(), f"a thread named {thread.name!r} never ended"
