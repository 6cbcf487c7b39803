"""Kill a process at a random line of the code under test, as a power cut would."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


def traced(
    work: Callable[[], object], modules: Sequence[ModuleType], steps: float = float("inf")
) -> int:
    """Run `work`, kill the process after so many lines of the modules, count them."""
    files = {module.__file__ for module in modules}
    count = 0

    def line(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        if count >= steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: line if frame.f_code.co_filename in files else None)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def killed(work: Callable[[], object], modules: Sequence[ModuleType], steps: int) -> bool:
    """Run `work` in a process of its own that may be killed; return whether it was."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            traced(work, modules, steps)
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
