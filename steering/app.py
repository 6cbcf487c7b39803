"""The app: what the STEERING_ variables ask for, as a page that is served.

Everything here is quick to import. Gradio comes with `App()`, after its settings were looked at;
torch comes with the model, while the page is served already.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from steering import formatting
from steering.artifacts import (
    capability_document,
    folders,
    harm_document,
    local_fits,
    patching_document,
    store,
    wording_document,
)
from steering.artifacts.manifest_document import ManifestFacts
from steering.cluster import replicas
from steering.cluster.replicas import Replicas
from steering.errors import NotFittedError, SteeringError
from steering.serving import address, cost, host_settings, zero_gpu
from steering.serving.engine import Engine, Supply
from steering.serving.machine_fit import Adapting
from steering.sources import catalog
from steering.sweep import sweep_table
from steering.system import stopping, threads
from steering.system.progress import Report
from steering.system.progress_log import logged

if TYPE_CHECKING:
    from steering.adaptation.drift import Check
    from steering.artifacts.evaluation_document import AgreementEntry
    from steering.interventions.directions import Directions
    from steering.maps.model_maps import Maps
    from steering.models.chat_model import ChatModel, Quantization
    from steering.models.fast_products import SpeedChoice
    from steering.models.number_formats import Dtype

_logger = logging.getLogger("steering")
_Read = TypeVar("_Read")
_Given = ParamSpec("_Given")
_PATIENCE_SECONDS = 5.0
"""A model that nobody has come for is loaded this long after the server is up (chosen)."""


class App:
    """The page and what stands behind it, as the environment asks for them.

    Attributes:
        demo: The page, a `gradio.Blocks`.
        engine: The model, its directions and the line of visitors; nothing is loaded yet.
        replicas: What writes answers in the place of this process; None where that does.
        server_name: The address to hand to `launch`, where Gradio cannot read it by itself.
    """

    def __init__(self) -> None:
        """Lay the page out.

        Raises:
            SteeringError: If a variable cannot be used, or Gradio is not installed.
        """
        _require_gradio()
        threads.sleep_while_waiting()
        self.server_name = address.prepare()
        # Gradio reads its settings when it is imported.
        from steering.ui import build
        from steering.ui.layout import HostLimits

        self.replicas = replicas.from_environment()
        self.engine = engine_from_environment(self.replicas)
        self.engine.allowance = host_settings.allowance()
        self._limits = HostLimits(
            max_new_tokens=host_settings.whole_number("STEERING_MAX_NEW_TOKENS", 48),
            chooser=not host_settings.is_public(),
            frames=host_settings.frames(),
            tool=host_settings.has_tool(),
        )
        self.demo = build(self.engine, self._limits)

    def serve(self) -> None:
        """Serve the page, whose address is printed, and load the model behind it.

        Loading begins when the first page has arrived in a browser (see `ui.events`): it keeps the
        interpreter busy, and what is recorded can be looked at meanwhile.

        Raises:
            SteeringError: If the page cannot be served at the address that was asked for, or the
                log is not one that can be kept.
        """
        from steering.ui import launch_options

        stopping.end_at_sigterm()
        host_settings.start_log()
        address.check_address(self.server_name)
        options = launch_options(self.engine, self._limits)
        try:
            self.demo.launch(server_name=self.server_name, **options, prevent_thread_lock=True)
        except OSError as error:
            raise SteeringError(f"the app could not start: {error}") from error
        unasked = threading.Timer(_PATIENCE_SECONDS, self.engine.start)
        unasked.daemon = True
        unasked.start()
        with self.replicas or nullcontext():
            stopping.block(self.demo.block_thread, self.replicas.begun if self.replicas else None)


def _require_gradio() -> None:
    if find_spec("gradio") is None:
        raise SteeringError(
            "the app needs Gradio, which is not installed; run "
            "`pip install 'refusal-steering-playground[app]'`"
        )


def engine_from_environment(there: Replicas | None = None) -> Engine:
    """Return the engine that the STEERING_ variables ask for; nothing is loaded yet.

    Args:
        there: What writes answers in the place of this process.
    """
    asked = os.environ.get("STEERING_MODEL") or catalog.DEFAULT_MODEL
    if asked == host_settings.NO_MODEL:
        played = {each: _title(each) for each in folders.available() if store.recordings(each)}
        return Engine(catalog.DEFAULT_MODEL, _stored(played))
    name = asked
    public = host_settings.is_public()
    supply = replace(
        _stored(_names(name)),
        model=_for_visitors(_load),
        directions=_or_unfitted(store.load),
        maps=_or_unfitted(store.read_maps),
        outline=_or_unfitted(store.outline),
        points=_or_unfitted(store.read_points),
        fitted=_fitted_names,
        at_speed=None if public or zero_gpu.is_lent() else _at_speed,
        adapting=Adapting(
            fitted=_fitted,
            check=_check,
            agreement=_agreement,
            fit=None if public else _fit,
            cost=cost.sentence,
        ),
        steps=zero_gpu.borrowed if zero_gpu.is_lent() else None,
    )
    supply = supply if there is None else there.behind(supply)
    return Engine(name, supply, capacity=host_settings.whole_number("STEERING_QUEUE", 20))


def _stored(names: dict[str, str]) -> Supply:
    """Return what there is without a model: recordings, maps, tables. Nothing here needs torch."""
    return Supply(
        model=None,
        directions=store.load,
        recordings=store.recordings,
        evaluation=store.evaluation,
        sweep=sweep_table.read,
        swept_in=sweep_table.measured_in,
        transfer=store.transfer,
        capability=capability_document.read,
        harm=harm_document.read,
        patching=patching_document.read,
        wordings=wording_document.read,
        manifest=_manifest,
        outline=store.outline,
        points=store.read_points,
        names=names,
    )


def _manifest(name: str) -> ManifestFacts | None:
    """Return what is known of the choice; whatever is wrong with it, the directions tell."""
    try:
        return store.manifest(name)
    except SteeringError:
        return None


def _for_visitors(found: Callable[_Given, _Read]) -> Callable[_Given, _Read]:
    """Let what strangers are told of a mistake name no folder of this machine; the log has all."""
    if not host_settings.is_public():
        return found

    def told(*given: _Given.args, **named: _Given.kwargs) -> _Read:
        try:
            return found(*given, **named)
        except SteeringError as error:
            words = formatting.without_folders(str(error))
            if words == str(error):
                raise
            _logger.warning("%s", error)
            raise type(error)(words) from error

    return told


def _or_unfitted(read: Callable[[str], _Read]) -> Callable[[str], _Read]:
    """Let a fit of this machine that cannot be read count as none: it can be made again here."""

    def found(name: str) -> _Read:
        try:
            return _for_visitors(read)(name)
        except SteeringError as error:
            if folders.folder_of(name) != local_fits.newest(name):
                raise
            _logger.warning("the fit of this machine is left out: %s", error)
            raise NotFittedError(str(error)) from error

    return found


def _at_speed(name: str, speed: str) -> "ChatModel":
    return _load(name, lambda _step: None, speed)


def _load(name: str, report: Report, speed: str | None = None) -> "ChatModel":
    # Importing torch takes seconds, in which the page can be served already.
    _logger.info("loading %s", name)
    from steering.adaptation import fast_gate, format_trial
    from steering.models import loading

    quantization = os.environ.get("STEERING_QUANTIZATION") or None
    lent = zero_gpu.is_lent()  # what is packed for a CPU, or made of integers, cannot be moved
    model = loading.load(
        name,
        quantization=cast("Quantization | None", quantization),
        dtype=cast("Dtype | None", os.environ.get("STEERING_DTYPE") or None),
        device="cpu" if lent else os.environ.get("STEERING_DEVICE") or None,
        report=logged(report, _logger),
        trial=format_trial.trial,
        packed=not lent,
        speed=cast("SpeedChoice", "exact" if lent else speed or _speed()),
        gate=partial(fast_gate.allowed, name),
    )
    _logger.info("%s is ready: %s", name, model.number_format.reason)
    return model


def _speed() -> str:
    return os.environ.get("STEERING_SPEED") or "auto"


def _fitted(model: "ChatModel") -> "tuple[Directions, Maps] | None":
    from steering.adaptation import quick_fit

    folder = quick_fit.find(model)
    if folder is None:
        return None
    try:
        maps = store.read_maps(model.name, folder)
        return (store.load(model.name, folder), maps) if maps is not None else None
    except SteeringError as error:
        # Of a full disk, or of an older version: what is shipped serves as if it were not there.
        _logger.warning("the fit of this machine is left out: %s", error)
        return None


def _check(model: "ChatModel", maps: "Maps") -> "Check":
    from steering.adaptation import drift

    return drift.check(model, maps)


def _agreement(model: "ChatModel", directions: "Directions") -> "AgreementEntry | None":
    from steering.adaptation import loaded

    return loaded.agreement(model, directions, loaded.folder_for(model))


def _fit(model: "ChatModel") -> None:
    from steering.adaptation import quick_fit
    from steering.data.splits import PromptSplits

    quick_fit.quick(model, PromptSplits.own(), taken_over=quick_fit.known(model))


def _names(name: str) -> dict[str, str]:
    """Return the models of the chooser: those with directions first, then all that are known."""
    return {each: _title(each) for each in (*_fitted_names(), name, *catalog.catalog())}


def _fitted_names() -> tuple[str, ...]:
    return (*folders.available(), *local_fits.models())


def _title(name: str) -> str:
    entry = catalog.find(name)
    return entry.title if entry else name
