"""The Refusal Steering Playground: builds `demo` and launches it."""

import os

# Gradio reads this when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import logging
import threading
from typing import TYPE_CHECKING, cast

from steering import artifact, catalog, sweep_table
from steering.errors import SteeringError
from steering.progress import Report
from steering.progress_lines import logged
from steering.ui import build, launch_options
from steering.ui.engine import Engine, Supply
from steering.ui.layout import Limits

if TYPE_CHECKING:
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
        outline=artifact.outline,
        points=artifact.read_points,
        names={each: _title(each) for each in (*artifact.available(), name)},
    )
    return Engine(name, supply, places=_whole_number("STEERING_QUEUE", 20))


def _load(name: str, report: Report) -> "ChatModel":
    # Importing torch takes seconds, in which the page can be served already.
    _logger.info("loading %s", name)
    from steering import loading

    quantization = os.environ.get("STEERING_QUANTIZATION") or None
    model = loading.load(
        name,
        quantization=cast("Quantization | None", quantization),
        dtype=cast("Dtype | None", os.environ.get("STEERING_DTYPE") or None),
        device=os.environ.get("STEERING_DEVICE") or None,
        report=logged(report, _logger),
    )
    _logger.info("%s is ready: %s", name, model.number_format.reason)
    return model


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
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        demo.launch(**launch_options(), prevent_thread_lock=True)
    except OSError as error:
        raise SystemExit(str(SteeringError(f"the app could not start: {error}"))) from error
    unasked = threading.Timer(_PATIENCE_SECONDS, engine.start)
    unasked.daemon = True
    unasked.start()
    demo.block_thread()


if __name__ == "__main__":
    main()
