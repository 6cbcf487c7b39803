"""How a server is asked to end, and how a process ends whose threads are at work."""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def end_at_sigterm() -> None:
    """Let SIGTERM do what Ctrl-C does: `KeyboardInterrupt` in the main thread.

    Container engines, systemd and `kill` send it. Without a handler a process ends without its
    clean-up, and the first one of a container, which has no default, not at all until it is killed.
    Elsewhere than in the main thread, where Python sets no handlers, nothing is done.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def block(until_told: Callable[[], None], begun: threading.Event | None = None) -> None:
    """Block until the process is told to end, by Ctrl-C or SIGTERM.

    Args:
        until_told: Blocks, and returns at `KeyboardInterrupt`.
        begun: Set when something has begun, in another thread, that takes SIGTERM for itself: Ray
            prints where it was and ends the process at once, and its own processes stay behind.
    """
    end_at_sigterm()
    if begun is not None:
        try:
            while not begun.wait(0.1):  # Windows hears nothing in a wait without an end
                pass
        except KeyboardInterrupt:
            return
        end_at_sigterm()
    until_told()


def leave(code: int) -> NoReturn:
    """End the process with an exit status; what is registered with `atexit` is done first.

    Where a thread that nobody waits for is inside torch, the interpreter's own end would stop it as
    it comes back, in the middle of C++, which aborts (exit status 134): so a page ended that was
    told to while it wrote. The process ends without that.
    """
    if not any(thread.daemon for thread in threading.enumerate()):
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # Nobody reads it any more, or it is closed, or there is none.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
