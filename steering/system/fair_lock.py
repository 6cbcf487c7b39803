"""A lock that is handed on in the order in which it was asked for."""

import threading
from collections import deque
from time import monotonic


class FairLock:
    """First come, first served; whoever holds it may take it again.

    A plain lock goes to whichever thread wakes first, and a thread that gives it back and asks
    again at once, as a loop of steps does, would nearly always be that one.
    """

    def __init__(self) -> None:
        """Begin free."""
        self._change = threading.Condition()
        self._asking: deque[object] = deque()
        self._holder: int | None = None
        self._depth = 0

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for the lock; return whether it was had within `timeout` seconds."""
        me, ticket = threading.get_ident(), object()
        ends = None if timeout is None else monotonic() + timeout
        with self._change:
            if self._holder == me:
                self._depth += 1
                return True
            self._asking.append(ticket)
            try:
                while self._holder is not None or self._asking[0] is not ticket:
                    left = None if ends is None else ends - monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._change.wait(left)
                self._holder, self._depth = me, 1
                return True
            finally:
                self._asking.remove(ticket)
                self._change.notify_all()

    def release(self) -> None:
        """Give the lock back, once for every time it was taken.

        Raises:
            RuntimeError: If another thread holds it, or nobody.
        """
        with self._change:
            if self._holder != threading.get_ident():
                raise RuntimeError("a lock is given back by the thread that holds it")
            self._depth -= 1
            if not self._depth:
                self._holder = None
                self._change.notify_all()

    def __call__(self) -> "FairLock":
        """Return itself: a model's `turn` is called for each pass."""
        return self

    def __enter__(self) -> None:
        """Wait for the lock."""
        self.acquire()

    def __exit__(self, *_error: object) -> None:
        """Give it back."""
        self.release()
