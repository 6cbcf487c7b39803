"""What the commands share: a model loaded with a progress bar, panels, plain output."""

import argparse
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from steering import loading
from steering.model import ChatModel
from steering.panel import DEFAULT_PANELS, Panel, parse
from steering.progress import Report, Step


def load(options: argparse.Namespace, name: str | None = None) -> ChatModel:
    """Load the model that the options name, or another one on the same device."""
    with progress_bar() as report:
        return loading.load(
            name or options.model,
            quantization=options.quantization,
            device=options.device,
            # A judge is asked for a form, not for its thoughts.
            thinking=options.thinking if name is None else "auto",
            report=report,
        )


def panels(options: argparse.Namespace) -> list[Panel]:
    """Read the panels that were given, or the usual ones."""
    return [parse(text) for text in options.panel or DEFAULT_PANELS]


@contextmanager
def progress_bar() -> Generator[Report]:
    """Show the steps of long work as one bar after another."""
    bars: dict[str, Any] = {}

    def report(step: Step) -> None:
        if step.label not in bars:
            bars[step.label] = tqdm(
                desc=step.label,
                total=step.total or None,
                unit=step.unit,
                unit_scale=step.unit == "B",
                leave=step.unit == "B",
            )
        bar = bars[step.label]
        bar.update(step.done - bar.n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()


def show_plainly(document: Mapping[str, Any]) -> None:
    """Print a line for each entry."""
    for key, value in document.items():
        print(f"{key}: {value}")
