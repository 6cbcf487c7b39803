"""Where an engine gets things from: functions of a model's name, handed in from outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from steering.artifacts.capability_document import CapabilityDocument
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.harm_document import HarmDocument
from steering.artifacts.manifest_document import ManifestFacts
from steering.artifacts.patching_document import PatchingDocument
from steering.artifacts.recording_document import Recording
from steering.artifacts.transfer_document import TransferDocument
from steering.artifacts.wording_document import WordingDocument
from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.maps.map_points import Points
from steering.serving.machine_fit import Adapting
from steering.sweep.sweep_table import SweepRow
from steering.system.progress import Report, Step

if TYPE_CHECKING:
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps
    from steering.models.chat_model import ChatModel
    from steering.serving.shared_steps import SharedSteps
    from steering.system.fair_lock import FairLock


@dataclass(frozen=True)
class Supply:
    """Where an engine gets things from, by the model's name.

    Attributes:
        model: Loads the model; may take minutes, and reports its progress. None where the app runs
            on what is recorded: nothing is loaded, and torch is not needed.
        directions: Reads the precomputed directions, which needs torch.
        recordings: Reads the recorded comparisons; empty if there are none.
        names: Models that can be chosen, with the title to show.
        maps: Reads the precomputed maps; None if there are none.
        evaluation: Reads the measured table, `evaluation.json`; None if there is none.
        sweep: Reads the rows of the measured grids, as `sweep_table` gives them; empty if none.
        swept_in: Reads the number format in which those were measured; None if it is not known.
        outline: Reads what there is to know of the directions without torch, so that the page
            can be laid out before it; None where the directions themselves are at hand.
        points: The same of the maps: what there is to look at.
        manifest: Reads what the maker of the directions says of their choice; None if there is
            nothing.
        transfer: Reads the table of number formats, `transfer.json`; None if there is none.
        capability: Reads what edits cost in knowledge, `capability.json`; None if it is not known.
        harm: Reads where prompts lie on the axes of harm and refusal, `harm.json`; None if there is
            none.
        patching: Reads what patched states bring back, `patching.json`; None if it is not known.
        wordings: Reads what English directions do in other wordings, `wordings.json`; None if it is
            not known.
        adapting: Checks directions and maps on this machine, and fits them for it.
        fitted: Returns which names have directions by now; None where all have.
        at_speed: Loads the model with `exact` or `fast` products; None where nobody may choose.
        steps: Returns what `shared_steps.shared` returns, where a model is worked with elsewhere.
        hold: Lets those who work elsewhere hold a model that is loaded here, if it is still of use
            by then, which its second argument tells; None where nobody does.
    """

    model: "Callable[[str, Report], ChatModel] | None"
    directions: "Callable[[str], Directions]"
    recordings: Callable[[str], tuple[Recording, ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    maps: "Callable[[str], Maps | None]" = lambda _name: None
    evaluation: Callable[[str], EvaluationDocument | None] = lambda _name: None
    sweep: Callable[[str], Sequence[SweepRow]] = lambda _name: ()
    swept_in: Callable[[str], str | None] = lambda _name: None
    outline: Callable[[str], Facts] | None = None
    points: Callable[[str], Points | None] | None = None
    transfer: Callable[[str], TransferDocument | None] = lambda _name: None
    manifest: Callable[[str], ManifestFacts | None] = lambda _name: None
    capability: Callable[[str], CapabilityDocument | None] = lambda _name: None
    harm: Callable[[str], HarmDocument | None] = lambda _name: None
    patching: Callable[[str], PatchingDocument | None] = lambda _name: None
    wordings: Callable[[str], WordingDocument | None] = lambda _name: None
    adapting: Adapting = field(default_factory=Adapting)
    fitted: Callable[[], Collection[str]] | None = None
    at_speed: "Callable[[str, str], ChatModel] | None" = None
    steps: "Callable[[ChatModel, FairLock], tuple[SharedSteps, int]] | None" = None
    hold: "Callable[[ChatModel, Callable[[], bool]], None] | None" = None

    def load(self, name: str, report: Report, wanted: "Callable[[ChatModel], bool]") -> "ChatModel":
        """Return the loaded model, which those who work elsewhere hold as well.

        Args:
            name: Of the model.
            report: Is told how far it is.
            wanted: Whether the model is still of use; one that is not is returned all the same.

        Raises:
            SteeringError: If there is none to load, or it cannot be loaded.
        """
        if self.model is None:
            raise SteeringError(
                "no model runs here, only recorded answers; start the app without "
                "STEERING_MODEL=none"
            )
        found = self.model(name, report)
        if self.hold is not None:
            report(Step("Waiting for the processes that write answers", 0, 0, "step"))
            self.hold(found, partial(wanted, found))
        return found

    def facts(self, name: str) -> Facts:
        """Return what there is to know of the directions."""
        return self.outline(name) if self.outline else self.directions(name)

    def cloud(self, name: str) -> Points | None:
        """Return the points of the maps, or None if there are no maps."""
        if self.points:
            return self.points(name)
        maps = self.maps(name)
        return maps.points if maps else None
