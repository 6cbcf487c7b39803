"""A replica: holds models and continues the rows that it is sent; Ray Serve calls it.

It takes and gives lists, numbers and bytes. All requests for a model share the steps of one decode
loop, as those of visitors do in one process.
"""

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

import torch

from steering.errors import SteeringError
from steering.inference.row_limit import row_limit
from steering.models.chat_model import ChatModel
from steering.serving import held_model, plain_forms
from steering.serving.held_model import HeldModel
from steering.serving.shared_steps import MOST_ROWS, SharedSteps
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
        self._room, self._rows = asyncio.Condition(), 0
        self._line: deque[object] = deque()
        self._leave = os._exit
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
        if said := await self.warm(settings["model"]):
            _logger.warning("%s", said)

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
            asked: A request as `plain_forms` writes it, and `model`, a key.

        Yields:
            A column a step, or a refusal, as `plain_forms` writes them; `{"failed": words}` where
            a pass has failed.
        """
        self.now += 1
        try:
            async with aclosing(self._continued(asked)) as columns:
                async for column in columns:
                    yield column
        except (GeneratorExit, asyncio.CancelledError):
            self.left += 1
            _logger.info("a request was left")
            raise
        except SteeringError as error:
            yield plain_forms.of_refusal(error)
        except torch.AcceleratorError:
            # Nothing works in this process any more; Ray Serve begins another one.
            _logger.exception("the processor is lost")
            self._leave(1)
        except Exception as error:  # as in one process: its loop is new, and others go on
            _logger.exception("a pass has failed")
            yield {"failed": f"{type(error).__name__}, the log of the replica says more"}
        finally:
            self.now -= 1

    async def _continued(self, asked: Plain) -> AsyncGenerator[Plain]:
        steps, wait = await self.steps(asked["model"]), asyncio.get_running_loop().run_in_executor
        (rows, edits, sampling), stop = plain_forms.request(asked), threading.Event()
        room = row_limit(steps.model, MOST_ROWS)
        async with self._room_for(len(rows), room):
            found = steps.generate(steps.model, rows, edits, sampling, stop=stop)
            try:
                while (column := await wait(self._threads, next, found, None)) is not None:
                    yield plain_forms.of_column(column)
            finally:
                stop.set()
                with suppress(ValueError):  # a thread may wait in it; it sees `stop`, and ends it
                    found.close()

    @asynccontextmanager
    async def _room_for(self, rows: int, most: int) -> AsyncIterator[None]:
        """Hold room for rows, had in the order of arrival: few that come late pass no many."""
        me = object()
        async with self._room:
            self._line.append(me)
            try:
                await self._room.wait_for(
                    lambda: self._line[0] is me and (not self._rows or self._rows + rows <= most)
                )
                self._rows += rows
            finally:  # whoever had room, or has left, lets the next one look
                self._line.remove(me)
                self._room.notify_all()
        try:
            yield
        finally:
            async with self._room:
                self._rows -= rows
                self._room.notify_all()

    async def facts(self) -> Plain:
        """Return its process and its counts, for tests and whoever looks."""
        return {"process": os.getpid(), "now": self.now, "left": self.left}


def _load(held: HeldModel) -> ChatModel:
    return held_model.load(held, os.environ.get("STEERING_DEVICE") or None)
