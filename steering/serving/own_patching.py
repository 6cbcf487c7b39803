"""Patching between two requests of a visitor: behind the page, one pair at a time.

Passes let every visitor's run go first. Nothing is kept.
"""

import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steering.defaults import PATCHED_STEP
from steering.errors import SteeringError
from steering.serving.machine_fit import Turn
from steering.system.progress import Step

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel
    from steering.serving.engine import Engine

LEAST_GAP: Final = 0.5
"""Nats between the two refusal scores below which shares of them say nothing (chosen)."""


@dataclass(frozen=True)
class PatchedRequests:
    """What patching found between two requests.

    Attributes:
        donor: Refusal score of the request whose states were put in, in nats.
        receiver: That of the other one.
        layers: Block inputs.
        columns: The tokens of each column, counted from the end.
        tokens: What each column's token says in the donor and in the receiver.
        restored: By part, layer and column: the share of the difference that came back.
    """

    donor: float
    receiver: float
    layers: list[int]
    columns: list[list[int]]
    tokens: list[tuple[str, str]]
    restored: dict[str, list[list[float]]]


class OwnPatches:
    """The patching of one process."""

    def __init__(self, engine: "Engine") -> None:
        """Begin without any.

        Args:
            engine: Its model reads the requests.
        """
        self._engine = engine
        self._busy = threading.Lock()
        self._stops: dict[str, threading.Event] = {}

    def measure(
        self, visitor: str, donor: str, receiver: str
    ) -> Generator[Step, None, PatchedRequests | None]:
        """Patch a pair; yields how far it is, and returns what was found, None if it was stopped.

        Args:
            visitor: Whose it is, for `stop`.
            donor: The request whose states are put in.
            receiver: The request in whose run they are.

        Raises:
            SteeringError: If no model is there, another pair is being patched, the model is changed
                meanwhile, or the requests do not serve.
        """
        steerable = self.loaded()
        if not self._busy.acquire(blocking=False):
            raise SteeringError(
                "another pair is being patched on this machine; try again in a minute"
            )
        stop = self._stops[visitor] = threading.Event()
        try:
            with closing(self._cells(steerable, donor, receiver)) as cells:
                while not stop.is_set():
                    try:
                        yield next(cells)
                    except StopIteration as end:
                        found: PatchedRequests = end.value
                        return found
            return None
        finally:
            self._stops.pop(visitor, None)
            self._busy.release()

    def stop(self, visitor: str) -> None:
        """Let a visitor's patching end after the pass that is under way."""
        stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()

    def loaded(self) -> "SteerableModel":
        """Return the model that reads the requests.

        Raises:
            SteeringError: If it is not there.
        """
        if self._engine.status.phase == "recorded":
            raise SteeringError(
                "no model runs here, so no requests can be read: what was measured stands above"
            )
        found = self._engine.steerable()
        if found is None:
            raise SteeringError("the model is not there yet; wait until it is ready")
        return found[0]

    def _cells(
        self, steerable: "SteerableModel", donor: str, receiver: str
    ) -> Generator[Step, None, PatchedRequests]:
        from steering.anatomy import pair_grid
        from steering.anatomy.pair_grid import MAIN_PARTS, GridShape

        served = self._engine.model
        turn = Turn(self._engine, lambda: self._engine.model is served, "is gone")
        quiet = replace(steerable, model=replace(steerable.model, turn=turn))
        model = quiet.model
        shape = GridShape.of(model, quiet.directions, step=PATCHED_STEP)
        yield Step("Reading both requests", 0, 0, "")
        ids = [model.render(text) for text in (donor, receiver)]
        requests = pair_grid.read_pair(model, ids[1], ids[0], shape)
        if abs(requests.gap) < LEAST_GAP:
            raise SteeringError(
                f"the refusal scores of the two requests are {abs(requests.gap):.1f} nats apart, "
                f"and {LEAST_GAP} are needed to speak of shares; take two of which the model "
                "refuses one"
            )
        work = pair_grid.grid(quiet, shape, requests, MAIN_PARTS)
        while True:
            try:
                done, total = next(work)
            except StopIteration as end:
                scores = end.value
                break
            yield Step("Patching", done, total, "run")
        texts = [model.template.texts(each) for each in ids]
        return PatchedRequests(
            donor=requests.donor.score,
            receiver=requests.receiver.score,
            layers=list(shape.layers),
            columns=[list(column) for column in shape.columns],
            tokens=[
                (texts[0][column[0]], texts[1][column[0]]) if len(column) == 1 else ("", "")
                for column in shape.columns
            ],
            restored={
                part: ((values - requests.receiver.score) / requests.gap).tolist()
                for part, values in scores.items()
            },
        )
