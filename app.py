"""The Refusal Steering Playground: builds `demo` and launches it."""

import os

# Gradio reads this when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import logging
import threading
from typing import TYPE_CHECKING, Any, cast

from steering import serving
from steering.errors import SteeringError

try:
    SERVER_NAME = serving.prepare()
except SteeringError as error:
    if __name__ != "__main__":
        raise
    raise SystemExit(f"error: {error}") from None

from steering import artifact, catalog, cost, fits, sweep_table
from steering.progress import Report
from steering.progress_lines import logged
from steering.ui import build, launch_options
from steering.ui.adaptation import Adapting
from steering.ui.engine import Engine, Supply
from steering.ui.layout import Limits

if TYPE_CHECKING:
    from steering.directions import Directions
    from steering.drift import Check
    from steering.maps import Maps
    from steering.model import ChatModel, Quantization
    from steering.number_formats import Dtype

_logger = logging.getLogger("steering")
_PATIENCE_SECONDS = 5.0
"""A model that nobody has come for is loaded this long after the server is up (chosen)."""


def _whole_number(name: str, default: int) -> int:
    given = os.environ.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise SystemExit(f"{name}={given} is not a whole number from 1; leave it out for {default}")
    return int(given)


def engine_from_environment() -> Engine:
    """Return the engine that the STEERING_ variables ask for; nothing is loaded yet."""
    name = os.environ.get("STEERING_MODEL") or catalog.DEFAULT_MODEL
    supply = Supply(
        model=_load,
        directions=artifact.load,
        recordings=artifact.recordings,
        maps=artifact.read_maps,
        evaluation=artifact.evaluation,
        sweep=sweep_table.read,
        transfer=artifact.transfer,
        outline=artifact.outline,
        points=artifact.read_points,
        names=_names(name),
        fitted=_fitted_names,
        adapting=Adapting(
            fitted=_fitted,
            check=_check,
            agreement=_agreement,
            fit=None if os.environ.get("STEERING_PUBLIC") == "1" else _fit,
            cost=cost.sentence,
        ),
    )
    return Engine(name, supply, places=_whole_number("STEERING_QUEUE", 20))


def _load(name: str, report: Report) -> "ChatModel":
    # Importing torch takes seconds, in which the page can be served already.
    _logger.info("loading %s", name)
    from steering import format_trial, loading

    quantization = os.environ.get("STEERING_QUANTIZATION") or None
    model = loading.load(
        name,
        quantization=cast("Quantization | None", quantization),
        dtype=cast("Dtype | None", os.environ.get("STEERING_DTYPE") or None),
        device=os.environ.get("STEERING_DEVICE") or None,
        report=logged(report, _logger),
        trial=format_trial.trial,
    )
    _logger.info("%s is ready: %s", name, model.number_format.reason)
    return model


def _fitted(model: "ChatModel") -> "tuple[Directions, Maps] | None":
    from steering import quick

    folder = quick.find(model)
    if folder is None:
        return None
    try:
        maps = artifact.read_maps(model.name, folder)
        return (artifact.load(model.name, folder), maps) if maps is not None else None
    except SteeringError as error:
        # Of a full disk, or of an older version: what is shipped serves as if it were not there.
        _logger.warning("the fit of this machine is left out: %s", error)
        return None


def _check(model: "ChatModel", maps: "Maps") -> "Check":
    from steering import drift

    return drift.check(model, maps)


def _agreement(model: "ChatModel", directions: "Directions") -> dict[str, Any] | None:
    from steering import refit
    from steering.splits import PromptSplits

    return refit.check_directions(model, directions, PromptSplits.own())


def _fit(model: "ChatModel") -> None:
    from steering import quick
    from steering.splits import PromptSplits

    quick.quick(model, PromptSplits.own(), taken_over=quick.known(model))


def _names(name: str) -> dict[str, str]:
    """Return the models of the chooser: those with directions first, then all that are known."""
    return {each: _title(each) for each in (*_fitted_names(), name, *catalog.catalog())}


def _fitted_names() -> tuple[str, ...]:
    return (*artifact.available(), *fits.models())


def _title(name: str) -> str:
    entry = catalog.find(name)
    return entry.title if entry else name


engine = engine_from_environment()
demo = build(
    engine,
    Limits(
        max_new_tokens=_whole_number("STEERING_MAX_NEW_TOKENS", 48),
        chooser=os.environ.get("STEERING_PUBLIC") != "1",
    ),
)


def main() -> None:
    """Serve the page, whose address is printed, and load the model behind it.

    Loading begins when the first page has arrived in a browser (see `ui.events`): it keeps the
    interpreter busy, and what is recorded can be looked at meanwhile.

    Raises:
        SteeringError: If the page cannot be served at the address that was asked for.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    serving.check_address(SERVER_NAME)
    try:
        demo.launch(server_name=SERVER_NAME, **launch_options(), prevent_thread_lock=True)
    except OSError as error:
        raise SteeringError(f"the app could not start: {error}") from error
    unasked = threading.Timer(_PATIENCE_SECONDS, engine.start)
    unasked.daemon = True
    unasked.start()
    demo.block_thread()


if __name__ == "__main__":
    try:
        main()
    except SteeringError as error:
        raise SystemExit(f"error: {error}") from None
