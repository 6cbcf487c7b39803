"""What is served now: a model, its directions and maps, and what was measured of it."""

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from steering.artifacts.capability_document import CapabilityDocument
from steering.artifacts.evaluation_document import AgreementEntry, EvaluationDocument
from steering.artifacts.harm_document import HarmDocument
from steering.artifacts.patching_document import PatchingDocument
from steering.artifacts.recording_document import Recording
from steering.artifacts.transfer_document import TransferDocument
from steering.artifacts.wording_document import WordingDocument
from steering.errors import NotFittedError, SteeringError
from steering.interventions.outline import Facts
from steering.maps.map_points import Points
from steering.serving.machine_fit import Fitting
from steering.serving.speed_switch import Switch
from steering.serving.status import Status, at_first
from steering.serving.supply import Supply
from steering.sweep.sweep_table import SweepRow

if TYPE_CHECKING:
    from steering.adaptation.drift import Check
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Tracer
    from steering.models.chat_model import ChatModel
    from steering.serving.shared_steps import SharedSteps

_logger = logging.getLogger(__name__)
_Document = TypeVar("_Document")


class Served:
    """What is served now; whoever changes it holds the engine still."""

    supply: Supply

    def _take(self, name: str) -> None:
        self.name = name
        self.maps_id = secrets.token_hex(8)
        """Names the directions and maps that are shown: whenever they change, it does."""
        self.measured_id = secrets.token_hex(8)
        """The same of what was measured of them: tables, and the documents of Anatomy."""
        self.outline: Facts | None = None
        self.points: Points | None = None
        self.model: ChatModel | None = None
        self.directions: Directions | None = None
        self.recordings: tuple[Recording, ...] = ()
        self.maps: Maps | None = None
        self.tracer: Tracer | None = None
        self.steps: SharedSteps | None = None
        self.room = 1  # rows that are worked on at once; a loaded model has more
        self.evaluation: EvaluationDocument | None = None
        self.sweep: Sequence[SweepRow] = ()
        self.swept_in: str | None = None
        self.transfer: TransferDocument | None = None
        self.capability: CapabilityDocument | None = None
        self.harm: HarmDocument | None = None
        self.patching: PatchingDocument | None = None
        self.wordings: WordingDocument | None = None
        self.status = at_first(name, has_model=self.supply.model is not None)
        self.check: Check | None = None
        self.agreement: AgreementEntry | None = None
        self.looked = False
        self.fitting = Fitting()
        self.switch = Switch()
        self.contrast: tuple[str, str] | None = None
        """The names of somebody's own two lists, while their directions are played with."""
        self._attempt = object()
        try:
            self._read_artifact(name)
        except SteeringError as error:
            self.status = refused(name, error)

    def _read_artifact(self, name: str) -> None:
        before = self._measured()
        self.outline = self.supply.facts(name)
        self.points = self.supply.cloud(name)
        self.recordings = _readable(self.supply.recordings, name) or ()
        self.evaluation = _readable(self.supply.evaluation, name)
        self.sweep = _readable(self.supply.sweep, name) or ()
        self.swept_in = _readable(self.supply.swept_in, name) if self.sweep else None
        self.transfer = _readable(self.supply.transfer, name)
        self.capability = _readable(self.supply.capability, name)
        self.harm = _readable(self.supply.harm, name)
        self.patching = _readable(self.supply.patching, name)
        self.wordings = _readable(self.supply.wordings, name)
        if self._measured() != before:
            self.measured_id = secrets.token_hex(8)

    def _measured(self) -> tuple[object, ...]:
        found = self.evaluation, self.sweep, self.transfer, self.capability
        return *found, self.harm, self.patching, self.wordings

    def _take_again(self) -> None:
        """Read what is recorded again; what has not changed keeps its name, and its pages."""

        def held() -> tuple[object, object]:
            return self.outline, self.points.digest if self.points else None

        before, maps_id = held(), self.maps_id
        measured, measured_id = self._measured(), self.measured_id
        self._take(self.name)
        if held() == before:
            self.maps_id = maps_id
        if self._measured() == measured:
            self.measured_id = measured_id

    def _hold(self, directions: "Directions", maps: "Maps | None") -> None:
        self.directions, self.maps = directions, maps
        self.check, self.agreement, self.looked = None, None, False
        self.maps_id = secrets.token_hex(8)


def _readable(read: "Callable[[str], _Document | None]", name: str) -> "_Document | None":
    """Return what was measured or recorded of what is played with, or None where it is broken.

    The model serves without it, as where it was not measured.
    """
    try:
        return read(name)
    except SteeringError as error:
        _logger.warning("%s", error)
        return None


def refused(name: str, error: SteeringError) -> Status:
    """Return the status of a model that cannot be served for this reason."""
    return Status("unfitted" if isinstance(error, NotFittedError) else "failed", name, str(error))
