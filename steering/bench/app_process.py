"""The real app in a process of its own, on this machine only, as `serve` starts it."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from steering.errors import SteeringError
from steering.shipped import PACKAGE

START_SECONDS: Final = 180.0
"""Whatever has not come by then does not come (chosen: a slow disk's first start)."""
_LOOK_SECONDS: Final = 0.05
"""Between two looks whether the page is there (chosen: small against the seconds it takes)."""
_READY: Final = re.compile(r"(?P<name>\S+) is ready: (?P<number_format>.*)")


@dataclass
class AppProcess:
    """A running app.

    Attributes:
        process: The operating system's.
        url: Where its page is.
        began: When it was started, seconds of `time.monotonic`.
        log: What it has said, a line at a time, with the time at which that came.
    """

    process: "subprocess.Popen[str]"
    url: str
    began: float
    log: list[tuple[float, str]] = field(default_factory=list)

    def wait_for_page(self) -> float:
        """Return the seconds from the start until the page was there.

        Raises:
            SteeringError: If the app has ended, or the page does not come.
        """
        with httpx.Client(trust_env=False) as client:
            while not self._answers(client):
                self.require_alive()
                time.sleep(_LOOK_SECONDS)
        return time.monotonic() - self.began

    def wait_until_ready(self) -> str:
        """Wait for the model, and return the number format it is in.

        Raises:
            SteeringError: If the app has ended, or the model does not come.
        """
        while True:
            for _, line in list(self.log):
                if found := _READY.search(line):
                    return found["number_format"]
            self.require_alive()
            time.sleep(_LOOK_SECONDS)

    def require_alive(self) -> None:
        """Refuse to wait for an app that has ended, or that is too slow.

        Raises:
            SteeringError: With the last lines it has said.
        """
        if self.process.poll() is not None:
            raise SteeringError(f"the app ended: {self._last()}")
        if time.monotonic() - self.began > START_SECONDS:
            raise SteeringError(f"the app was not there after {START_SECONDS:g} s: {self._last()}")

    def _answers(self, client: httpx.Client) -> bool:
        try:
            return client.get(self.url, timeout=START_SECONDS).is_success
        except httpx.TransportError:
            return False

    def _last(self) -> str:
        return " | ".join(line for _, line in self.log[-3:]) or "it said nothing"


@contextmanager
def serving(
    options: Sequence[str], settings: Mapping[str, str] | None = None
) -> Generator[AppProcess]:
    """Start the app on a free port of this machine, and end it with the block.

    Args:
        options: Of the command `serve`; address and port are added.
        settings: Environment variables beside those that are there.
    """
    port = _free_port()
    command = [sys.executable, "-m", "steering", "serve", *options]
    path = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)} | dict(settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    app = AppProcess(process, f"http://127.0.0.1:{port}/", began)
    reader = threading.Thread(target=_read, args=(app,), name="app log", daemon=True)
    reader.start()
    try:
        yield app
    finally:
        _end(process)
        reader.join(5)


def _read(app: AppProcess) -> None:
    assert app.process.stdout is not None
    with app.process.stdout as lines:
        for line in lines:
            app.log.append((time.monotonic(), line.rstrip()))


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
