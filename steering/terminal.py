"""What the commands share: a model loaded with a progress bar, panels, plain output."""

import argparse
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from steering import loading
from steering.model import ChatModel
from steering.panel import DEFAULT_PANELS, Panel, parse
from steering.progress import Report, Stage, Step, stage


def load(options: argparse.Namespace, name: str | None = None) -> ChatModel:
    """Load the model that the options name, or another one on the same device."""
    with progress_bar() as report:
        return loading.load(
            name or options.model,
            quantization=options.quantization,
            device=options.device,
            report=report,
        )


def panels(options: argparse.Namespace) -> list[Panel]:
    """Read the panels that were given, or the usual ones."""
    return [parse(text) for text in options.panel or DEFAULT_PANELS]


@contextmanager
def progress_bar() -> Generator[Report]:
    """Show the steps of long work as one stage after another."""
    with ExitStack() as current:
        shown: dict[str, Stage] = {}

        def report(step: Step) -> None:
            if step.label not in shown:
                current.close()  # one stage ends where the next begins
                started = stage(step.label, step.total, unit=step.unit)
                shown[step.label] = current.enter_context(started)
            shown[step.label].advance(step.done - shown[step.label].done)

        yield report


def show_plainly(document: Mapping[str, Any]) -> None:
    """Print a line for each entry."""
    for key, value in document.items():
        print(f"{key}: {value}")
