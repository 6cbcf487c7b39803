"""How directions and maps serve on this machine: checked behind the page, fitted at a click.

Both run in the background, pass by pass, and let every visitor go first. Nothing here knows the
page; `told` is what its map asks for.
"""

import shlex
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from steering import program
from steering.errors import SteeringError
from steering.formatting import sentence
from steering.system.progress import Step, amount, watched_by

if TYPE_CHECKING:
    from steering.adaptation.drift import Check
    from steering.artifacts.evaluation_document import AgreementEntry
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps
    from steering.models.chat_model import ChatModel
    from steering.serving.engine import Engine

FitPhase = Literal["none", "running", "failed", "done"]

_PAUSE_SECONDS: Final = 0.05
"""Time between two looks at whether a visitor still works."""
_QUIET_SECONDS: Final = 10.0
"""Time without a visitor after which work begins that cannot pause (chosen: somebody reads)."""


@dataclass(frozen=True)
class Fitting:
    """How far a fit for this machine is.

    Attributes:
        phase: `none` before anybody asked for one.
        sentence: What a visitor should know.
        step: The present step while it runs.
    """

    phase: FitPhase = "none"
    sentence: str = ""
    step: Step | None = None


@dataclass(frozen=True)
class Adapting:
    """Where an engine gets checks and fits from.

    Attributes:
        fitted: Returns directions and maps that were fitted on this machine for a loaded model.
        check: Checks maps in the model's number format.
        agreement: Fits directions again and returns how alike they are, as `refit.agreement`.
        fit: Fits directions and maps for a loaded model and keeps them; None where nobody may.
        cost: Says what a model without directions costs to fetch and to fit, in a sentence or two.
    """

    fitted: "Callable[[ChatModel], tuple[Directions, Maps] | None]" = lambda _model: None
    check: "Callable[[ChatModel, Maps], Check] | None" = None
    agreement: "Callable[[ChatModel, Directions], AgreementEntry | None] | None" = None
    fit: "Callable[[ChatModel], None] | None" = None
    cost: Callable[[str], str] = lambda _name: ""


class Turn:
    """Taken by every pass of background work: it waits until no visitor wants the model.

    One thread takes it, and may take it again inside.
    """

    def __init__(
        self, engine: "Engine", still_wanted: Callable[[], bool], kept: str = "is kept"
    ) -> None:
        self._engine, self._still_wanted, self._depth = engine, still_wanted, 0
        self._kept = kept

    def __call__(self) -> "Turn":
        """Return itself: a model's `turn` is called for each pass."""
        return self

    def __enter__(self) -> None:
        """Wait for the turn.

        Raises:
            SteeringError: If the work is not wanted any more.
        """
        if not self._depth:
            while self._engine.busy:
                time.sleep(_PAUSE_SECONDS)
            if not self._still_wanted():
                raise SteeringError(
                    f"another model or another mode was chosen; what was done so far {self._kept}"
                )
            self._engine.reading.acquire()
        self._depth += 1

    def __exit__(self, *_error: object) -> None:
        """Let others go on."""
        self._depth -= 1
        if not self._depth:
            self._engine.reading.release()


def look(engine: "Engine", model: "ChatModel") -> None:
    """Check the maps and then the directions of a loaded model; what is found is on the engine.

    Ends as soon as the engine has another model, mode, or fit; nothing of this is kept then.
    """
    adapting = engine.supply.adapting
    with engine.still():
        if engine.model is not model:
            return
        maps_id, directions, maps = engine.maps_id, engine.directions, engine.maps
    quiet = replace(model, turn=Turn(engine, lambda: maps_id == engine.maps_id))
    # A visitor loses nothing but a note by an error here: the map says that it was not checked.
    try:
        with suppress(SteeringError):
            if adapting.check is not None and maps is not None:
                engine.checked(maps_id, adapting.check(quiet, maps))
    finally:
        # Also after a bug, which is in the log: nobody is to wait for what will not come.
        engine.has_looked(maps_id)
    if maps is not None and _is_quiet(engine, maps_id):
        # UMAP compiles for seconds: here, where nobody waits for it.
        maps.warm_up()
    with suppress(SteeringError):
        if adapting.agreement is not None and directions is not None:
            engine.agreed(maps_id, adapting.agreement(quiet, directions))


def _is_quiet(engine: "Engine", maps_id: str) -> bool:
    """Wait until no visitor has wanted the model for a while; False if its maps have gone by then.

    What cannot pause between two passes would share a core with the first run.
    """
    since = time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        if engine.maps_id != maps_id:
            return False
        time.sleep(_PAUSE_SECONDS)
        since = time.monotonic() if engine.busy else since
    return True


def remedy(engine: "Engine") -> str:
    """Return what can be done about a model without directions, by whoever may."""
    if engine.supply.adapting.fit is not None:
        return "press “Fit directions and maps” under the map"
    command = f"{program.name()} precompute --quick --model {shlex.quote(engine.name)}"
    return f"whoever runs this page can make them with `{command}`"


def start(engine: "Engine") -> None:
    """Fit directions and maps for this machine in the background; loads the model if need be."""
    fit = engine.supply.adapting.fit
    begun = engine.begin_fit() if fit is not None else None
    if fit is None or begun is None:
        return
    thread = threading.Thread(target=_run, args=(engine, fit, *begun), name="fit", daemon=True)
    thread.start()


def _run(
    engine: "Engine",
    fit: "Callable[[ChatModel], None]",
    attempt: object,
    name: str,
    model: "ChatModel | None",
) -> None:
    def report(step: Step) -> None:
        engine.fits(attempt, Fitting("running", step.label, step))

    outcome = Fitting("failed", "The fit ended with an error that is in the server's log.")
    try:
        loaded = model or engine.supply.load(name, report, partial(engine.wants, attempt))
        quiet = replace(loaded, turn=Turn(engine, lambda: engine.wants(attempt, loaded)))
        with watched_by(report):
            fit(quiet)
        engine.adopt(attempt, loaded)
        outcome = Fitting("done", "Directions and maps are fitted for this machine now.")
    except SteeringError as error:
        outcome = Fitting("failed", sentence(str(error)))
    finally:
        engine.fits(attempt, outcome)
    if outcome.phase == "done":
        look(engine, loaded)


def told(engine: "Engine") -> dict[str, Any]:
    """Return what the map says of number formats and fits, as JSON types.

    Returns:
        `maps_id`: by which a page knows whether it shows these maps; `state`: `none` while there is
        no model, `unfitted` for one without directions, `checking`, `done`, or `unchecked`; `here`
        and `fitted`, the number formats in words; `layers`, one entry a layer with `layer`,
        `verdict` and `sentence`; `directions`, a sentence or None; `fit`: whether one `can` be
        started, its `phase`, `sentence`, `done`, `total` and, in words, `amount`; of a model
        without directions what a fit here would `cost`, or, where nobody may start one, the
        `remedy`.
    """
    with engine.still():
        return _told(engine)


def _told(engine: "Engine") -> dict[str, Any]:
    check, fitting = engine.check, engine.fitting
    step, unfitted = fitting.step, _unfitted(engine)
    may_fit = engine.supply.adapting.fit is not None
    return {
        "model": engine.name,
        "maps_id": engine.maps_id,
        "state": _state(engine),
        "here": check.here if check else "",
        "fitted": check.fitted if check else "",
        "layers": [
            {"layer": drift.layer, "verdict": drift.verdict, "sentence": drift.sentence}
            for drift in (check.drifts if check else ())
        ],
        "directions": _agreement_sentence(engine.agreement),
        "fit": {
            "can": may_fit,
            "phase": fitting.phase,
            "sentence": fitting.sentence,
            "done": step.done if step else 0,
            "total": step.total if step else 0,
            "amount": amount(step) if step else "",
        },
        "cost": engine.supply.adapting.cost(engine.name) if unfitted and may_fit else "",
        "remedy": sentence(remedy(engine)) if unfitted and not may_fit else "",
    }


def _state(engine: "Engine") -> str:
    if _unfitted(engine):
        return "unfitted"
    if engine.check is not None:
        return "done"
    if engine.model is None:
        return "none"
    wanted = engine.supply.adapting.check is not None and engine.maps is not None
    return "checking" if wanted and not engine.looked else "unchecked"


def _unfitted(engine: "Engine") -> bool:
    return engine.status.phase == "unfitted"


def _agreement_sentence(found: "AgreementEntry | None") -> str | None:
    if not found:
        return None
    return (
        "Directions fitted again on this machine agree with those in use: difference in means with "
        f"cosine {found['dim_cosine']:.3f}, the first {found['inlp_k']} INLP directions with "
        f"{found['inlp_cosine']:.3f} (1 is the same)."
    )
