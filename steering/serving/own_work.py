"""Work on what is a visitor's own: behind the page, one piece at a time, stopped at a click.

Passes let every visitor's run go first. Nothing here knows the page, and nothing is kept: what is
found belongs to whoever asked for it.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from steering.errors import SteeringError
from steering.serving.machine_fit import Turn
from steering.system.progress import Step

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel
    from steering.serving.engine import Engine

_Found = TypeVar("_Found")


class OwnWork:
    """The pieces of one kind in one process."""

    def __init__(self, engine: "Engine", busy: str) -> None:
        """Begin without any.

        Args:
            engine: Its model does the work.
            busy: What is said where another piece is under way, as in "another pair is patched".
        """
        self.engine, self._said = engine, busy
        self._busy = threading.Lock()
        self._stops: dict[str, threading.Event] = {}

    def admit(self, request: Any) -> str:  # noqa: ANN401 - Gradio's
        """Let a visitor begin a piece, as a run; returns whose it is, for `one` and `stop`.

        Raises:
            SteeringError: If no model is there, or this visitor has begun too many.
        """
        self.loaded()
        self.engine.allowance.take(self.engine.allowance.visitor_of(request))
        return request.session_hash or ""

    def one(
        self, visitor: str, begin: "Callable[[], Generator[Step, None, _Found]]"
    ) -> "Generator[Step, None, _Found | None]":
        """Do a piece; yields how far it is, and returns what was found, None if it was stopped.

        Args:
            visitor: Whose it is, for `stop`.
            begin: Begins it.

        Raises:
            SteeringError: If another piece is under way, and whatever the piece raises.
        """
        if not self._busy.acquire(blocking=False):
            raise SteeringError(f"{self._said} on this machine; try again in a minute")
        stop = self._stops[visitor] = threading.Event()
        try:
            with closing(begin()) as work:
                while not stop.is_set():
                    try:
                        yield next(work)
                    except StopIteration as end:
                        found: _Found = end.value
                        return found
            return None
        finally:
            self._stops.pop(visitor, None)
            self._busy.release()

    def stop(self, visitor: str) -> None:
        """Let a visitor's piece end after the pass that is under way; does nothing without one."""
        stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()

    def loaded(self) -> "ChatModel":
        """Return the model that does the work.

        Raises:
            SteeringError: If it is not there.
        """
        model = self.engine.model
        if self.engine.status.phase == "recorded":
            raise SteeringError(
                "no model runs here, so no texts can be read: this page plays what was recorded"
            )
        if model is None:
            raise SteeringError("the model is not there yet; wait until it is ready")
        return model

    def behind(self, model: "ChatModel") -> "ChatModel":
        """Return a model whose passes wait until no visitor wants it.

        They raise a `SteeringError` once the engine serves another one, or other directions.
        """
        served = self.engine.model, self.engine.maps_id

        def is_here() -> bool:
            return (self.engine.model, self.engine.maps_id) == served

        return replace(model, turn=Turn(self.engine, is_here, "is gone"))
