"""The Refusal Steering Playground: builds `demo` and launches it."""

import os

# Gradio reads this when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import logging
from typing import cast

from steering import artifact, catalog, loading, sweep_table
from steering.errors import SteeringError
from steering.model import Quantization
from steering.ui import build, launch_options
from steering.ui.engine import Engine, Supply
from steering.ui.layout import Limits


def _whole_number(name: str, default: int) -> int:
    given = os.environ.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise SystemExit(f"{name}={given} is not a whole number from 1; leave it out for {default}")
    return int(given)


def engine_from_environment() -> Engine:
    """Return the engine that the STEERING_ variables ask for; nothing is loaded yet."""
    name = os.environ.get("STEERING_MODEL") or catalog.DEFAULT_MODEL
    quantization = os.environ.get("STEERING_QUANTIZATION") or None
    supply = Supply(
        model=lambda name, report: loading.load(
            name,
            quantization=cast(Quantization | None, quantization),
            device=os.environ.get("STEERING_DEVICE") or None,
            thinking=os.environ.get("STEERING_THINKING") or "auto",
            report=report,
        ),
        directions=artifact.load,
        recordings=artifact.recordings,
        maps=artifact.read_maps,
        evaluation=artifact.evaluation,
        sweep=sweep_table.read,
        names={each: _title(each) for each in (*artifact.available(), name)},
    )
    return Engine(name, supply, places=_whole_number("STEERING_QUEUE", 20))


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
    """Load the model in the background and serve the page; the address is printed."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine.start()
    try:
        demo.launch(**launch_options())
    except OSError as error:
        raise SystemExit(str(SteeringError(f"the app could not start: {error}"))) from error


if __name__ == "__main__":
    main()
