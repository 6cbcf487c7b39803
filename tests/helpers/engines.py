"""Engines whose model is there at once."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from steering.serving.engine import Engine, Supply


def until(claim: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is so; a machine that is busy may take its time."""
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def ready(model: Any, fitted: Any, recordings: Sequence[Any] = (), **more: Any) -> Engine:
    """Return an engine that has loaded its model."""
    supply = Supply(lambda *_: model, lambda _: fitted, lambda _: recordings, **more)
    engine = Engine("tiny", supply)
    engine.start()
    until(lambda: engine.status.phase == "ready")
    return engine
