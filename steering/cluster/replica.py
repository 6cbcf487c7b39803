"""A replica: holds models and continues the rows that it is sent; Ray Serve calls it.

It takes and gives lists, numbers and bytes. All requests for a model share the steps of one decode
loop, as those of visitors do in one process.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from steering.errors import SteeringError
from steering.inference.sampling import Sampling
from steering.models.chat_model import ChatModel
from steering.serving import held_model, plain_forms
from steering.serving.held_model import HeldModel
from steering.serving.shared_steps import SharedSteps
from steering.serving.zero_gpu import Plain
from steering.system.fair_lock import FairLock

_logger = logging.getLogger(__name__)
MOST_REQUESTS: Final = 32
"""Requests of six rows that a replica continues at once; each has a thread (`MOST_ROWS` / 6)."""


class Replica:
    """Holds models by their keys and answers for them.

    Attributes:
        now: How many requests it answers.
        left: How many were left before their end.
    """

    def __init__(self, load: Callable[[HeldModel], ChatModel] | None = None) -> None:
        """Hold nothing yet.

        Args:
            load: Loads a model; None loads it on the device that the environment names.
        """
        self._load = load or _load
        self._turn = FairLock()
        # A thread for each that waits for a column, and one that loads.
        self._threads = ThreadPoolExecutor(MOST_REQUESTS + 1, "columns")
        self._broken = ""
        self.now = self.left = 0

    async def loaded(self, key: str) -> SharedSteps:
        """Load a model, beside the requests for others.

        Raises:
            SteeringError: If it cannot be held here as it is asked for.
        """
        model = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._load, held_model.of_key(key)
        )
        return SharedSteps(replace(model, turn=self._turn))

    async def steps(self, key: str) -> SharedSteps:
        """Return the steps of a model; a deployment keeps some."""
        return await self.loaded(key)

    async def reconfigure(self, settings: Plain) -> None:
        """Load the model that the page serves before anybody waits for it.

        Ray Serve calls it when the page takes another model, and of a replica that begins before
        it is asked for anything. So all have the model, and none is passed over for the lack of it.

        Args:
            settings: `model`, a key.
        """
        await self.warm(settings["model"])

    async def warm(self, key: str) -> str:
        """Load a model if it is not there; returns why not, or nothing."""
        try:
            await self.steps(key)
        except SteeringError as error:
            return str(error)
        return ""

    async def columns(self, asked: Plain) -> AsyncGenerator[Plain]:
        """Continue rows; when this generator is closed or cancelled they leave the loop.

        Args:
            asked: `model`, a key; `rows`, token ids of each prompt; `edits`, of each row, as
                `plain_forms` writes them; `sampling`, fields of a `Sampling`.

        Yields:
            A column a step, as `plain_forms` writes it; `{"error": sentence}` where the model
            refuses or cannot be held.
        """
        stop, wait = threading.Event(), asyncio.get_running_loop().run_in_executor
        whole = False
        self.now += 1
        try:
            steps = await self.steps(asked["model"])
            edits = [None if each is None else plain_forms.edit(each) for each in asked["edits"]]
            sampling = Sampling(**asked["sampling"])
            found = steps.generate(steps.model, asked["rows"], edits, sampling, stop=stop)
            while (column := await wait(self._threads, next, found, None)) is not None:
                yield plain_forms.of_column(column)
            whole = True
        except SteeringError as error:
            whole = True
            yield {"error": str(error)}
        except Exception as error:
            self._broken = type(error).__name__
            raise
        finally:
            # Whoever waits in a thread sees it there, and ends the request before the next pass.
            stop.set()
            self.now -= 1
            if not whole:
                self.left += 1
                _logger.info("a request was left")

    async def check_health(self) -> None:
        """Say whether requests can be answered; Ray Serve replaces a replica that raises.

        Raises:
            RuntimeError: If a pass has failed for another reason than its request.
        """
        if self._broken:
            raise RuntimeError(f"a pass ended with {self._broken}")

    async def facts(self) -> Plain:
        """Return its process and its counts, for tests and whoever looks."""
        return {"process": os.getpid(), "now": self.now, "left": self.left}


def _load(held: HeldModel) -> ChatModel:
    return held_model.load(held, os.environ.get("STEERING_DEVICE") or None)
