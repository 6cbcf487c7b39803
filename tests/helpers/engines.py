"""Engines of one tiny model, and work behind them that ends when a test lets it."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

from steering.adaptation import drift
from steering.errors import NotFittedError
from steering.models.inspection import inspect
from steering.serving.engine import Engine, Supply
from steering.serving.machine_fit import Adapting
from tests.helpers import templates
from tests.helpers.templates import tokenizer_with


def until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def ready(model, fitted, recordings=(), **more) -> Engine:
    """Return an engine that has loaded its model."""
    engine = Engine(
        "tiny", Supply(lambda *_: model, lambda _: fitted, lambda _: recordings, **more)
    )
    engine.start()
    until(lambda: engine.status.phase == "ready")
    return engine


@contextmanager
def busy(engine: Engine):
    """Let another thread read with the model meanwhile."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with engine.reading:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        holder.join()


def charted_supply(tiny, fitted, charted) -> Supply:
    """A supply of one model with directions and maps, which are checked."""
    return Supply(
        lambda *_: tiny,
        lambda _: fitted,
        lambda _: (),
        maps=lambda _: charted,
        adapting=Adapting(check=drift.check),
    )


def thinking(model):
    """Return the same model with a template that can think."""
    return inspect(model.name, model.network, tokenizer_with(templates.SWITCHED))


def unfitted(supply, fitted, charted, fit, **adapting) -> Engine:
    """An engine of a model that has no directions until `fit` has run."""
    there: list[bool] = []

    def directions(_name):
        if not there:
            raise NotFittedError("there are no directions for 'tiny'")
        return fitted

    def made(model):
        fit(model)
        there.append(True)

    return Engine(
        "tiny",
        replace(
            supply,
            directions=directions,
            maps=lambda _: charted if there else None,
            adapting=Adapting(
                fitted=adapting.get("found", lambda _: (fitted, charted) if there else None),
                check=adapting.get("check", drift.check),
                fit=made,
                cost=lambda name: f"{name} costs a minute.",
            ),
        ),
    )


class Slow:
    """Work that waits, each time, until it is let go; then it gives `found`, or raises it."""

    def __init__(self, found):
        self.found, self.calls, self.gates = found, 0, [threading.Event() for _ in range(4)]

    def __call__(self, *_arguments):
        number = self.calls
        self.calls += 1
        self.gates[number].wait(60)
        found = self.found[number]
        if isinstance(found, Exception):
            raise found
        return found

    def finish(self, number):
        """Let one of its calls end, and wait until what follows has happened."""
        self.gates[number].set()
        time.sleep(0.1)
