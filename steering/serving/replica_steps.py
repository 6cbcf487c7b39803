"""Runs whose rows are continued by replicas: the same columns as of steps in this process.

A request and its columns cross as plain data, as where a GPU is borrowed. What reaches a replica
is handed in: nothing here knows how.
"""

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from steering.errors import SteeringError
from steering.inference.decode_loop import require_room
from steering.inference.decode_request import Column
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel
from steering.serving import held_model, plain_forms
from steering.serving.from_the_start import ReplicaLostError
from steering.serving.shared_steps import SharedSteps
from steering.serving.zero_gpu import Plain
from steering.system.fair_lock import FairLock

_logger = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1
"""How often a run that waits for its next column looks whether it was stopped (chosen)."""


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
_Delivery = Plain | BaseException | None


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
        """
        require_room(self.model, rows, sampling)
        asked: Plain = {
            "model": self._key,
            "rows": [list(row) for row in rows],
            "edits": [None if each is None else plain_forms.of_edit(each) for each in edits],
            "sampling": asdict(sampling),
        }
        queue: SimpleQueue[_Delivery] = SimpleQueue()
        stream = self._ask(asked)
        reading = (stream, queue)
        threading.Thread(target=_read, args=reading, name="replica", daemon=True).start()
        ended = False
        try:
            while not (stop is not None and stop.is_set()):
                try:
                    found = queue.get(timeout=_LOOK_SECONDS)
                except Empty:
                    continue
                ended = found is None or isinstance(found, BaseException)
                if found is None:
                    return
                yield _column(found)
        finally:
            if not ended:
                with suppress(Exception):  # it may be gone, and nobody waits for it any more
                    stream.cancel()


def _read(stream: Stream, queue: "SimpleQueue[_Delivery]") -> None:
    """Bring what comes to whoever waits; to wait for a replica itself cannot be stopped."""
    try:
        for column in stream:
            queue.put(column)
        queue.put(None)
    except BaseException as error:  # noqa: BLE001 - whoever waits has to hear of it
        queue.put(error)


def _column(found: Plain | BaseException) -> Column:
    if isinstance(found, BaseException):
        _logger.warning("a replica was lost: %s: %s", type(found).__name__, found)
        raise ReplicaLostError from found
    if "error" in found:
        raise SteeringError(found["error"])
    return plain_forms.column(found)


def over(ask: Ask, room: int) -> Callable[[ChatModel, FairLock], tuple[SharedSteps, int]]:
    """Return what makes the steps of a model that replicas hold, as `Supply.steps` does.

    Args:
        ask: Reaches the replicas.
        room: How many rows all of them continue at once.
    """
    return lambda model, turn: (ReplicaSteps(replace(model, turn=turn), ask), room)
