"""What the visitors of one process share: the loaded model, and the line in front of it.

One object, made once and handed to whoever needs it; nothing here knows the page.
"""

import secrets
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from steering.artifacts.evaluation_document import AgreementEntry
from steering.artifacts.recording_document import Recording
from steering.errors import SteeringError
from steering.interventions.openers import opened
from steering.serving import machine_fit
from steering.serving.machine_fit import Fitting
from steering.serving.served import Served, refused
from steering.serving.status import Status
from steering.serving.supply import Supply as Supply
from steering.serving.visitor_line import Line
from steering.system.fair_lock import FairLock
from steering.system.progress import Step

if TYPE_CHECKING:
    from steering.adaptation.drift import Check
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Tracer
    from steering.maps.steerable_model import SteerableModel
    from steering.models.chat_model import ChatModel
    from steering.serving.shared_steps import SharedSteps


class Engine(Served, Line):
    """The model, its directions and recordings, and the line of runs in front of it."""

    def __init__(self, name: str, supply: Supply, *, capacity: int = 20) -> None:
        """Read what is recorded; directions, maps and the model itself come with `start()`.

        Args:
            name: Catalog name, hub id, folder or .gguf file.
            supply: Where model, directions and recordings come from.
            capacity: How many runs may wait; the next visitor is told to come back later.
        """
        Line.__init__(self, capacity)
        self.supply = supply
        self.reading = FairLock()
        """Held by every pass: hooks of two would see each other. Passes take turns."""
        self._take(name)

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
            if self.model is None or self.model.template.mode.thinking == mode:
                return
            model = self.model.in_mode(mode)
            self.take_instead(model)
        self._look(model)

    def take_instead(self, model: "ChatModel") -> None:
        """Serve the same model in another mode or at another speed; the caller holds `still`.

        Raises:
            SteeringError: As `adopt` does.
        """
        # What was fitted for the other one does not serve for this one.
        self._hold(self.supply.directions(self.name), self.supply.maps(self.name))
        self._read_artifact(self.name)
        self.outline, self.contrast, self.model = self.directions, None, model
        self.adopt(self._attempt, model)

    def play(self, directions: "Directions", maps: "Maps") -> None:
        """Serve the loaded model with directions of somebody's own two lists, for everybody.

        Nothing is recorded or measured of them. `take_back` brings the others back.

        Raises:
            SteeringError: If no model is there, or they do not fit it.
        """
        from steering.maps.steerable_model import SteerableModel

        with self._lock:
            if self.model is None:
                raise SteeringError("the model is not there yet; wait until it is ready")
            if directions.model != self.model.name:
                raise SteeringError(
                    f"the contrast was fitted on {directions.model}, and {self.model.name} is "
                    "loaded now; find directions again"
                )
            SteerableModel(self.model, directions, maps)  # raises where they do not fit
            # Whether an answer refuses is told by the same first tokens as before.
            openers = self.directions.openers if self.directions is not None else None
            self._hold(replace(directions, openers=openers), maps)
            self.outline, self.points = self.directions, maps.points
            self.contrast = directions.class_names
            self.recordings, self.evaluation, self.sweep, self.transfer = (), None, (), None
            self.capability = self.harm = self.patching = self.wordings = None
            self.measured_id = secrets.token_hex(8)
            self.looked = True
            self._serve(self.model)

    def take_back(self) -> None:
        """Serve the model's own directions again; does nothing where no contrast is played.

        Raises:
            SteeringError: If they cannot be read.
        """
        with self._lock:
            model = self.model
            if self.contrast is None or model is None:
                return
            self.take_instead(model)
        self._look(model)

    def _look(self, model: "ChatModel") -> None:
        arguments = (self, model)
        threading.Thread(target=machine_fit.look, args=arguments, name="load", daemon=True).start()

    def start(self, *, again: bool = False) -> None:
        """Load the model in the background; does nothing if that has begun already.

        Args:
            again: Also after a failure.
        """
        with self._lock:
            if again and self.status.phase == "failed":
                self._take_again()
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
            directions, maps = self.supply.directions(name), self.supply.maps(name)
            with self._lock:
                if attempt is self._attempt:
                    self.directions, self.maps = directions, maps
            model = self.supply.load(name, report, partial(self.wants, attempt))
            outcome = Status("ready", name, model.number_format.reason)
            self.adopt(attempt, model)
        except SteeringError as error:
            outcome = refused(name, error)
        finally:
            self._say(attempt, outcome)
        if outcome.phase == "ready":
            machine_fit.look(self, model)

    def adopt(self, attempt: object, model: "ChatModel") -> None:
        """Take a loaded model, with what was fitted for it on this machine, if there is any.

        Raises:
            SteeringError: If the engine has the model in another mode by now, or if there are
                neither directions for it nor a fit that can be read.
        """
        found = self.supply.adapting.fitted(model)
        with self._lock:
            if attempt is not self._attempt:
                return
            if not self.wants(attempt, model):
                raise SteeringError("the mode was changed meanwhile; what was fitted is kept")
            if found is not None:
                self._hold(*found)
                self.outline, self.points, self.contrast = found[0], found[1].points, None
            self._serve(model)

    def _serve(self, model: "ChatModel") -> None:
        from steering.serving.shared_steps import shared

        if self.directions is None:
            raise SteeringError("what was fitted cannot be read; the server's log says why")
        # The tracer first: whoever sees the model may ask for it.
        self.tracer = self._tracer(model, self.maps)
        steps = self.supply.steps or shared
        self.steps, self.room = steps(opened(model, self.directions.openers), self.reading)
        self.model = model
        self.status = Status("ready", self.name, model.number_format.reason)

    def recording(self, prompt: str, system: str = "") -> Recording | None:
        """Return what was recorded of a request; of one with a system prompt nothing was."""
        known = () if system.strip() else self.recordings
        return next((each for each in known if each["prompt"] == prompt), None)

    def steerable(self) -> "tuple[SteerableModel, SharedSteps] | None":
        """Return the loaded model with its directions, and the steps that visitors share.

        None while one of them is not there. Every pass of that model takes its turn.

        Raises:
            SteeringError: If the directions were fitted in another mode, or on another model.
        """
        with self._lock:
            model, directions, steps = self.model, self.directions, self.steps
        if model is None or directions is None or steps is None:
            return None
        from steering.maps.steerable_model import SteerableModel

        return SteerableModel(steps.model, directions), steps

    def still(self) -> AbstractContextManager[object]:
        """Hold the engine as it is, while what belongs together is read."""
        return self._lock

    def wants(self, attempt: object, model: "ChatModel") -> bool:
        """Whether work on a model is still of use: no other one, and no other mode, was chosen."""
        return attempt is self._attempt and self.model in (None, model)

    def checked(self, maps_id: str, check: "Check") -> None:
        """Serve the maps as the check of the number format found them, if they are still these."""
        with self._lock:
            if maps_id == self.maps_id and self.model is not None and self.maps is not None:
                self.tracer = self._tracer(self.model, check.applied(self.maps))
                self.check = check

    def has_looked(self, maps_id: str) -> None:
        """Say that these maps were looked at, whatever came of it."""
        with self._lock:
            self.looked = self.looked or maps_id == self.maps_id

    def agreed(self, maps_id: str, found: AgreementEntry | None) -> None:
        """Keep how well the directions agree with a refit here, if they are still these."""
        with self._lock:
            if maps_id == self.maps_id:
                self.agreement = found

    def begin_fit(self) -> "tuple[object, str, ChatModel | None] | None":
        """Say that a fit for this machine runs now; only one does at a time.

        Returns:
            What it is an attempt of, the name, and the model if it is loaded; None if none may run.
        """
        with self._lock:
            ready = self.status.phase in ("ready", "unfitted")
            if self.fitting.phase == "running" or not ready:
                return None
            self.fitting = Fitting("running", "Beginning")
            return self._attempt, self.name, self.model

    def fits(self, attempt: object, fitting: Fitting) -> None:
        """Say how far the fit is."""
        with self._lock:
            if attempt is self._attempt:
                self.fitting = fitting

    @property
    def busy(self) -> bool:
        """Whether a visitor wants the model now: runs that wait or work, places that are asked.

        Runs that came before the model wait for it, as during a first fit: nothing waits for them.
        """
        return self.model is not None and self.wanted

    def _tracer(self, model: "ChatModel", maps: "Maps | None") -> "Tracer | None":
        from steering.maps.residual_trace import Tracer
        from steering.maps.steerable_model import SteerableModel

        if self.directions is None or maps is None:
            return None
        try:
            return Tracer(SteerableModel(model, self.directions, maps))
        except SteeringError:
            return (
                None  # Maps of another model; the map says so, and the cards answer all the same.
            )

    def _say(self, attempt: object, status: Status) -> None:
        with self._lock:
            if attempt is self._attempt:
                self.status = status
