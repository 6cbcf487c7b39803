"""Runs that each borrow a GPU: the same questions and columns as of steps that are shared."""

import copy
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from typing import Final

from steering.errors import SteeringError
from steering.inference.decode_loop import require_room
from steering.inference.decode_request import Column
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel
from steering.serving import plain_forms, zero_gpu
from steering.serving.shared_steps import MOST_ROWS, SharedSteps
from steering.system.fair_lock import FairLock

_ATTEMPTS: Final = 2
"""A borrower that was forked before the model came ends; the next one is forked from now."""


class BorrowedSteps(SharedSteps):
    """One model, for any number of threads at once, each of which borrows a GPU for its rows."""

    def __init__(self, model: ChatModel) -> None:
        """Keep a copy for whoever borrows.

        Args:
            model: On the CPU; its `turn` is taken by every pass in this process, of which a run
                needs one, for its perplexities.
        """
        super().__init__(model)
        self._key = zero_gpu.hold(_apart(model))

    def generate(
        self,
        _model: ChatModel,
        rows: Sequence[Sequence[int]],
        edits: Sequence[Edit | None],
        sampling: Sampling,
        *,
        stop: threading.Event | None = None,
    ) -> Generator[Column]:
        """Do what `SharedSteps.generate` does, on a GPU that is borrowed until the rows end.

        Raises:
            NoGpuError: If none is lent.
            SteeringError: As before; also if the model is changed meanwhile.
        """
        require_room(self.model, rows, sampling)
        asked = plain_forms.of_request(rows, edits, sampling)
        for _ in range(_ATTEMPTS):
            with suppress(zero_gpu.StaleError):
                yield from self._written(asked, stop)
                return
        raise SteeringError("the model is being changed; run the request again")

    def _written(self, asked: zero_gpu.Plain, stop: threading.Event | None) -> Generator[Column]:
        with closing(zero_gpu.columns(self._key, asked)) as found:
            for column in found:
                if stop is not None and stop.is_set():
                    return
                yield plain_forms.column(column)


def borrowed(model: ChatModel, turn: FairLock) -> tuple[SharedSteps, int]:
    """Return the steps of a model whose runs borrow a GPU, and how many rows they have room for."""
    return BorrowedSteps(replace(model, turn=turn)), MOST_ROWS


def _apart(model: ChatModel) -> ChatModel:
    """Return the model as modules of its own over the same weights.

    A fork comes at any time, in the middle of a pass for a map as well. It would have the hooks of
    that pass, and wait for its turn for ever.
    """
    weights = [*model.network.parameters(), *model.network.buffers()]
    shared = {id(each): each for each in weights}
    network, writers = copy.deepcopy((model.network, model.writers), shared)
    return replace(model, network=network, writers=writers, turn=nullcontext)
