"""Runs whose rows are continued by replicas: the same columns as of steps in this process.

A request and its columns cross as plain data, as where a GPU is borrowed. What reaches a replica
is handed in: nothing here knows how.
"""

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from steering.inference.decode_loop import require_room
from steering.inference.decode_request import Column
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel
from steering.serving import held_model, plain_forms
from steering.serving.from_the_start import ReplicaLostError
from steering.serving.shared_steps import Deliveries, SharedSteps, delivered
from steering.serving.zero_gpu import Plain

_logger = logging.getLogger(__name__)


class Stream(Protocol):
    """What a replica writes, for as long as somebody wants it."""

    def __iter__(self) -> Iterator[Plain]:
        """Return columns as they come; whatever is raised means that the replica is lost."""
        ...

    def cancel(self) -> None:
        """Let the replica drop the rows; may come from another thread, and more than once."""
        ...


Ask = Callable[[Plain], Stream]
"""Sends a request to a replica: `model` (a key), `rows`, `edits` and `sampling`."""


class ReplicaSteps(SharedSteps):
    """The replicas of one model, for any number of threads at once."""

    def __init__(self, model: ChatModel, ask: Ask) -> None:
        """Begin without work.

        Args:
            model: As this process holds it, for perplexities and the map.
            ask: Reaches the replicas.
        """
        super().__init__(model)
        self._key, self._ask = held_model.of_model(model).key, ask

    def generate(
        self,
        _model: ChatModel,
        rows: Sequence[Sequence[int]],
        edits: Sequence[Edit | None],
        sampling: Sampling,
        *,
        stop: threading.Event | None = None,
    ) -> Generator[Column]:
        """Do what `SharedSteps.generate` does, in a replica.

        Raises:
            ReplicaLostError: If the replica is gone; the rows can be given to another one.
            SteeringError: If the model refuses, here or there.
            RuntimeError: If a pass there has failed; with another replica it would as well.
        """
        require_room(self.model, rows, sampling)
        stream = self._ask({"model": self._key, **plain_forms.of_request(rows, edits, sampling)})
        queue: Deliveries[Plain] = SimpleQueue()
        over = threading.Event()
        reading = (stream, queue, over)
        threading.Thread(target=_read, args=reading, name="replica", daemon=True).start()
        try:
            for found in delivered(queue, stop):
                if "failed" in found:
                    raise RuntimeError(f"a replica could not answer: {found['failed']}")
                yield plain_forms.column(found)
        finally:
            if not over.is_set():
                over.set()  # whoever leaves has not lost a replica
                with suppress(Exception):  # it may be gone, and nobody waits for it any more
                    stream.cancel()


def _read(stream: Stream, queue: Deliveries[Plain], over: threading.Event) -> None:
    """Bring what comes to whoever waits; to wait for a replica itself cannot be stopped."""
    end = None
    try:
        for column in stream:
            queue.put(column)
    except BaseException as error:  # noqa: BLE001 - whoever waits has to hear of it
        if not over.is_set():
            _logger.warning("a replica was lost: %s: %s", type(error).__name__, error)
        end = ReplicaLostError()
        end.__cause__ = error
    over.set()
    queue.put(end)
