"""What the visitors of one process share: the loaded model, and the line in front of it.

One object, made once and handed to whoever needs it; nothing here knows the page.
"""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from steering.directions import Directions
from steering.errors import SteeringError
from steering.maps import Maps
from steering.model import ChatModel
from steering.progress import Report, Step
from steering.tracing import Tracer

Phase = Literal["idle", "loading", "ready", "failed"]


@dataclass(frozen=True)
class Supply:
    """Where an engine gets things from, by the model's name.

    Attributes:
        model: Loads the model; may take minutes, and reports its progress.
        directions: Reads the precomputed directions; takes well under a second.
        recordings: Reads the recorded comparisons; empty if there are none.
        names: Models that have precomputed directions, with the title to show.
        maps: Reads the precomputed maps; None if there are none.
        evaluation: Reads the measured table, `evaluation.json`; None if there is none.
        sweep: Reads the rows of the measured grids, as `sweep_table` gives them; empty if none.
    """

    model: Callable[[str, Report], ChatModel]
    directions: Callable[[str], Directions]
    recordings: Callable[[str], tuple[Mapping[str, Any], ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    maps: Callable[[str], Maps | None] = lambda _name: None
    evaluation: Callable[[str], Mapping[str, Any] | None] = lambda _name: None
    sweep: Callable[[str], Sequence[Mapping[str, Any]]] = lambda _name: ()


@dataclass(frozen=True)
class Status:
    """How far the model is.

    Attributes:
        phase: `idle` before anybody asked for it, then `loading`, then `ready` or `failed`.
        model: Name of the model.
        sentence: What a visitor should know: the step, the number format, or what went wrong.
        step: Step of the present step while loading, if it was reported.
    """

    phase: Phase
    model: str
    sentence: str
    step: Step | None = None


@dataclass(eq=False)
class Run:
    """One visitor's run, waiting or working.

    Attributes:
        stop: Set when it should end; the answers so far stay.
        superseded: Set when the same visitor has begun another: it should say nothing any more.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    superseded: threading.Event = field(default_factory=threading.Event)


class Engine:
    """The model, its directions and recordings, and the line of runs in front of it."""

    def __init__(self, name: str, supply: Supply, *, places: int = 20) -> None:
        """Read the directions and recordings; the model itself comes with `start()`.

        Args:
            name: Catalog name, hub id, folder or .gguf file.
            supply: Where model, directions and recordings come from.
            places: How many runs may wait; the next visitor is told to come back later.
        """
        self.supply = supply
        self.places = places
        self._lock = threading.RLock()
        self._line: list[Run] = []
        self._runs: dict[str, Run] = {}
        self.reading = threading.Lock()
        """Held by whoever has edits in the model: hooks of two passes would see each other."""
        self._take(name)

    def _take(self, name: str) -> None:
        self.name = name
        self.model: ChatModel | None = None
        self.directions: Directions | None = None
        self.recordings: tuple[Mapping[str, Any], ...] = ()
        self.maps: Maps | None = None
        self.tracer: Tracer | None = None
        self.evaluation: Mapping[str, Any] | None = None
        self.sweep: Sequence[Mapping[str, Any]] = ()
        self.status = Status("idle", name, "The model has not been loaded yet.")
        self._attempt = object()
        try:
            self.directions = self.supply.directions(name)
            self.recordings = self.supply.recordings(name)
            self.maps = self.supply.maps(name)
            self.evaluation = self.supply.evaluation(name)
            self.sweep = self.supply.sweep(name)
        except SteeringError as error:
            self.status = Status("failed", name, str(error))

    def choose(self, name: str) -> None:
        """Take another model, for everybody; runs under way finish with the old one."""
        with self._lock:
            if name == self.name:
                return
            self._take(name)
        self.start()

    def think(self, mode: str) -> None:
        """Render requests with thinking on or off, for everybody, from the next run on.

        Raises:
            SteeringError: If the template has no such mode.
        """
        with self._lock:
            if self.model is not None and self.model.template.mode.thinking != mode:
                model = self.model.in_mode(mode)
                self.tracer = self._tracer(model)
                self.model = model

    def start(self, *, again: bool = False) -> None:
        """Load the model in the background; does nothing if that has begun already.

        Args:
            again: Also after a failure.
        """
        with self._lock:
            if again and self.status.phase == "failed":
                self._take(self.name)
            if self.status.phase != "idle":
                return
            self.status = Status("loading", self.name, "Looking for the weights")
            arguments = (self.name, self._attempt)
        threading.Thread(target=self._load, args=arguments, name="load", daemon=True).start()

    def _load(self, name: str, attempt: object) -> None:
        def report(step: Step) -> None:
            self._say(attempt, Status("loading", name, step.label, step))

        # Whatever else is raised is a bug: it goes to the log, and visitors learn that it is there.
        outcome = Status("failed", name, "Loading ended with an error that is in the server's log.")
        try:
            model = self.supply.model(name, report)
            outcome = Status("ready", name, model.number_format.reason)
            with self._lock:
                if attempt is self._attempt:
                    # The tracer first: whoever sees the model may ask for it.
                    self.tracer = self._tracer(model)
                    self.model = model
        except SteeringError as error:
            outcome = Status("failed", name, str(error))
        finally:
            self._say(attempt, outcome)
        if outcome.phase == "ready" and self.maps is not None:
            # UMAP compiles for seconds: here, where nobody waits for it.
            self.maps.warm_up()

    def _tracer(self, model: ChatModel) -> Tracer | None:
        if self.directions is None or self.maps is None:
            return None
        try:
            return Tracer(model, self.directions, self.maps)
        except SteeringError:
            # Directions can be used in another number format; maps would show wrong places.
            return None

    def _say(self, attempt: object, status: Status) -> None:
        with self._lock:
            if attempt is self._attempt:
                self.status = status

    @contextmanager
    def run(self, visitor: str) -> Generator[Run]:
        """Stand in line until the block ends; a visitor's new run supersedes their old one.

        Raises:
            SteeringError: If the line is full.
        """
        mine = Run()
        with self._lock:
            self.abandon(visitor)
            if len(self._line) > self.places:
                raise SteeringError(
                    f"{len(self._line)} requests are waiting already, which is all there is room "
                    "for; try again in a minute"
                )
            self._runs[visitor] = mine
            self._line.append(mine)
        try:
            yield mine
        finally:
            mine.stop.set()
            with self._lock:
                self._line.remove(mine)
                if self._runs.get(visitor) is mine:
                    del self._runs[visitor]

    def ahead(self, run: Run) -> int:
        """Return how many runs come before this one; at 0 it is its turn."""
        with self._lock:
            return self._line.index(run)

    def stop(self, visitor: str) -> None:
        """End a visitor's run, whether it waits or works."""
        with self._lock:
            run = self._runs.get(visitor)
        if run is not None:
            run.stop.set()

    def abandon(self, visitor: str) -> None:
        """End a visitor's run and let it say nothing more: they look at something else now."""
        with self._lock:
            run = self._runs.get(visitor)
        if run is not None:
            run.superseded.set()
            run.stop.set()
