"""What the commands share: a model loaded with a progress bar, panels, plain output."""

import argparse
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from steering import artifact, drift, loading, quick
from steering.drift import Check
from steering.maps import Maps
from steering.model import ChatModel
from steering.number_formats import Format
from steering.panel import DEFAULT_PANELS, Panel, parse
from steering.progress import Report, Step


def load(
    options: argparse.Namespace, name: str | None = None, *, number_format: Format | None = None
) -> ChatModel:
    """Load the model that the options name, or another one, or in a format of its own."""
    with progress_bar() as report:
        return loading.load(
            name or options.model,
            quantization=number_format.quantization if number_format else options.quantization,
            dtype=number_format.dtype if number_format else options.dtype,
            device=number_format.device if number_format else options.device,
            report=report,
        )


def folder_for(options: argparse.Namespace, model: ChatModel) -> Path | None:
    """Return the folder of directions and maps that was asked for, or one fitted on this machine.

    None is the shipped artifact. A fit in the very number format of the model comes before it.
    """
    if options.directions is not None:
        return Path(options.directions)
    found = quick.find(model)
    if found is not None:
        print(f"directions and maps are those fitted on this machine, {found}", file=sys.stderr)
    return found


def checked_maps(model: ChatModel, folder: Path | None) -> tuple[Maps, Check] | None:
    """Return a model's maps as they serve in its number format, and how well; None without maps."""
    maps = artifact.read_maps(model.name, folder)
    if maps is None:
        return None
    found = drift.check(model, maps)
    return found.applied(maps), found


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
