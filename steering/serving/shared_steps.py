"""Visitors share steps: one decode loop for the runs of all of them.

A step costs little more for ten rows than for five, so visitors who are served together wait less
than visitors who are served one after another. The loop has a thread while there is work. Passes
take the model's `turn`, so places on the map are computed between two of them.
"""

import logging
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from steering.inference.decode_loop import DecodeLoop, require_room
from steering.inference.decode_request import Column, DecodeRequest
from steering.inference.row_limit import row_limit
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel
from steering.system.fair_lock import FairLock

_logger = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1
"""How often a run that waits for its next column looks whether it was stopped (chosen)."""
MOST_ROWS: Final = 192
"""Beyond that a step of a CPU takes longer than visitors wait for a word (chosen)."""

_Item = TypeVar("_Item")
Deliveries = SimpleQueue[_Item | BaseException | None]
"""What comes of a request, an error, and None at its end."""


def delivered(queue: "Deliveries[_Item]", stop: threading.Event | None) -> Generator[_Item]:
    """Yield what comes until its end, or until `stop` is set.

    Raises:
        BaseException: What came in the place of an item.
    """
    while not (stop is not None and stop.is_set()):
        try:
            found = queue.get(timeout=_LOOK_SECONDS)
        except Empty:
            continue
        if found is None:
            return
        if isinstance(found, BaseException):
            raise found
        yield found


class SharedSteps:
    """The decode loop of one model, for any number of threads at once."""

    def __init__(self, model: ChatModel) -> None:
        """Begin without work.

        Args:
            model: Its `turn` is taken by every pass.
        """
        self.model = model
        self._lock = threading.Lock()
        self._loop = DecodeLoop(model)  # its thread's alone
        self._arrived: list[DecodeRequest] = []
        self._deliver: dict[DecodeRequest, tuple[Deliveries[Column], threading.Event]] = {}
        self._working = False

    @property
    def working(self) -> bool:
        """Whether rows are continued, or are about to be."""
        with self._lock:
            return self._working

    def generate(
        self,
        _model: ChatModel,
        rows: Sequence[Sequence[int]],
        edits: Sequence[Edit | None],
        sampling: Sampling,
        *,
        stop: threading.Event | None = None,
    ) -> Generator[Column]:
        """Do what `generation.generate` does, in steps that are shared with others.

        Arguments, columns and errors are the same. The rows leave the loop when the generator is
        closed, or `stop` is set, before the next pass.
        """
        require_room(self.model, rows, sampling)
        request = DecodeRequest(rows, edits, sampling)
        try:
            yield from delivered(self._enter(request, stop or threading.Event()), stop)
        finally:
            request.over = True

    def _enter(self, request: DecodeRequest, stop: threading.Event) -> Deliveries[Column]:
        queue: Deliveries[Column] = SimpleQueue()
        with self._lock:
            self._arrived.append(request)
            self._deliver[request] = queue, stop
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="steps", daemon=True).start()
        return queue

    def _work(self) -> None:
        while True:
            with self._lock:
                # Whoever waits for a column looks at `stop` later than the next pass begins.
                left = [
                    request
                    for request, (_, stop) in self._deliver.items()
                    if request.over or stop.is_set()
                ]
                for request in left:
                    request.over = True
                    self._deliver.pop(request)[0].put(None)
                    if not request.complete:
                        _logger.debug("a run was left: its %d rows are gone", len(request.rows))
                if not self._deliver:
                    # What was left goes with the loop.
                    self._arrived.clear()
                    self._loop, self._working = DecodeLoop(self.model), False
                    return
                for request in self._arrived:
                    self._loop.join(request)
                self._arrived.clear()
            try:
                outcomes = self._loop.step()
                _logger.debug("a step of %d runs", len(outcomes))
            except BaseException as error:  # noqa: BLE001 - whoever waits has to hear of it
                self._give_up(error)
                return
            for request, outcome in outcomes:
                self._deliver[request][0].put(outcome)

    def _give_up(self, error: BaseException) -> None:
        """End all runs with an error that came out of a pass: no row can go on from there."""
        with self._lock:
            for queue, _ in self._deliver.values():
                queue.put(error)
            self._deliver.clear()
            self._arrived.clear()
            self._loop, self._working = DecodeLoop(self.model), False


def shared(model: ChatModel, turn: FairLock) -> tuple[SharedSteps, int]:
    """Return the steps of a model for all visitors, and how many rows they have room for.

    Args:
        model: A loaded chat model.
        turn: Every pass takes it.
    """
    return SharedSteps(replace(model, turn=turn)), row_limit(model, MOST_ROWS)
