"""Contrasts of visitors' own two lists: fitted behind the page, one at a time.

Passes let every visitor's run go first. Nothing here knows the page, and nothing is kept: the
contrast belongs to whoever asked for it, and is served to everybody only if `Engine.play` is told.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from steering.errors import SteeringError
from steering.serving.machine_fit import Turn

if TYPE_CHECKING:
    from steering.contrasts.contrast_fit import Contrast, ContrastSettings
    from steering.contrasts.text_lists import TextLists
    from steering.models.chat_model import ChatModel
    from steering.serving.engine import Engine
    from steering.system.progress import Step


class OwnContrasts:
    """The fits of one process."""

    def __init__(self, engine: "Engine") -> None:
        """Begin without any.

        Args:
            engine: Its model reads the texts.
        """
        self._engine = engine
        self._busy = threading.Lock()
        self._stops: dict[str, threading.Event] = {}

    def fit(
        self, visitor: str, texts: "TextLists", settings: "ContrastSettings"
    ) -> "Generator[Step, None, Contrast | None]":
        """Fit a contrast; yields how far it is, and returns what was found, None if it was stopped.

        Args:
            visitor: Whose it is, for `stop`.
            texts: The two lists.
            settings: Layers and position.

        Raises:
            SteeringError: If no model is there, another fit is under way, the model is changed
                meanwhile, or the lists or layers do not fit it.
        """
        from steering.contrasts.contrast_fit import fit_contrast

        model = self.loaded()
        if not self._busy.acquire(blocking=False):
            raise SteeringError(
                "another contrast is being fitted on this machine; try again in a minute"
            )
        stop = self._stops[visitor] = threading.Event()
        try:
            quiet = replace(model, turn=Turn(self._engine, self._wanted(model), "is gone"))
            with closing(fit_contrast(quiet, texts, settings)) as fitting:
                while not stop.is_set():
                    try:
                        yield next(fitting)
                    except StopIteration as end:
                        found: Contrast = end.value
                        return found
            return None
        finally:
            self._stops.pop(visitor, None)
            self._busy.release()

    def stop(self, visitor: str) -> None:
        """Let a visitor's fit end after the pass that is under way; does nothing without one."""
        stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()

    def loaded(self) -> "ChatModel":
        """Return the model that reads texts.

        Raises:
            SteeringError: If it is not there.
        """
        model = self._engine.model
        if self._engine.status.phase == "recorded":
            raise SteeringError(
                "no model runs here, so no texts can be read: this page plays recorded answers"
            )
        if model is None:
            raise SteeringError("the model is not there yet; wait until it is ready")
        return model

    def _wanted(self, model: "ChatModel") -> Callable[[], bool]:
        return lambda: self._engine.model is model
