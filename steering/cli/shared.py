"""What the commands share: a model loaded with a progress bar, panels, plain output."""

import argparse
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from steering.artifacts import folders, publishing, recipe
from steering.artifacts.measured_document import of_directions
from steering.errors import SteeringError
from steering.interventions.panel import Panel, parse, usual
from steering.system import whole_files
from steering.system.progress import Report, Stage, Step, stage

if TYPE_CHECKING:
    from steering.interventions.outline import Facts
    from steering.maps.steerable_model import SteerableModel
    from steering.models.chat_model import ChatModel
    from steering.models.number_formats import Format


def load(
    options: argparse.Namespace,
    name: str | None = None,
    *,
    number_format: "Format | None" = None,
) -> "ChatModel":
    """Load the model that the options name, or another one, or in a format of its own."""
    from steering.adaptation import fast_gate, format_trial
    from steering.models import loading

    # A judge has directions of its own, if any.
    folder = getattr(options, "directions", None) if name is None else None
    with progress_bar() as report:
        model = loading.load(
            name or options.model,
            quantization=number_format.quantization if number_format else options.quantization,
            dtype=number_format.dtype if number_format else options.dtype,
            device=number_format.device if number_format else options.device,
            # A judge is asked for a form, not for its thoughts.
            thinking=options.thinking if name is None else "auto",
            report=report,
            trial=partial(format_trial.trial, asked=folder),
            # A command that measures has no such option: its products are exact.
            speed=getattr(options, "speed", "exact") if name is None else "exact",
            gate=partial(fast_gate.allowed, name or options.model, folder=folder),
        )
    if name is None and getattr(options, "workers", None):
        # Workers are told what was found here, and measure nothing that could come out otherwise.
        options.dtype = str(model.dtype).removeprefix("torch.")
        options.quantization = model.number_format.quantization
        options.device = str(model.device)
    return model


def steerable(options: argparse.Namespace) -> "SteerableModel":
    """Load the model with the directions that serve it here: those asked for, or a kept fit."""
    return studied(options)[0]


def studied(
    options: argparse.Namespace, *, maps: bool = False
) -> "tuple[SteerableModel, Path | None]":
    """Do what `steerable` does, and return the folder of the directions; None is the artifact's.

    Directions that are broken are found before the model is loaded, which is slow.

    Args:
        options: Name the model, and perhaps a folder of directions.
        maps: Read the maps as well, where there are any.
    """
    from steering.adaptation import loaded
    from steering.artifacts import store
    from steering.maps.steerable_model import SteerableModel

    store.load(options.model, options.directions)
    model = load(options)
    folder = loaded.folder_for(model, options.directions)
    found = store.read_maps(options.model, folder) if maps else None
    return SteerableModel(model, store.load(options.model, folder), found), folder


def unpack_directions(options: argparse.Namespace) -> None:
    """Let every command that takes a folder of directions take a kept contrast, which is a file.

    Raises:
        SteeringError: If the file is no contrast, is damaged, or is another model's.
    """
    asked = getattr(options, "directions", None)
    if asked is not None and folders.is_file(asked):
        from steering.contrasts import contrast_bundle

        options.directions = contrast_bundle.folder_of(asked, options.model)


def require_both(options: argparse.Namespace) -> None:
    """Refuse prompts of one class without those of the other.

    Raises:
        SteeringError: Says which options belong together.
    """
    if (options.harmful is None) != (options.harmless is None):
        raise SteeringError(
            "give both --harmful and --harmless, or neither for the own prompt sets"
        )
    if getattr(options, "borderline", None) and not options.harmful:
        raise SteeringError("--borderline goes with --harmful and --harmless; give these, too")


def beside(options: argparse.Namespace, name: str, folder: Path | None = None) -> Path:
    """Return where results of this name are written: beside the directions that they are of.

    Args:
        options: Name the model.
        name: Of the file.
        folder: Of the directions that were measured; None for the model's artifact.

    Raises:
        SteeringError: If there is no room for them.
    """
    return (folder or publishing.written_beside(options.model)) / name


def store_part(
    options: argparse.Namespace,
    part: str,
    document: Mapping[str, object],
    folder: Path | None = None,
    *,
    whole: bool,
) -> str | None:
    """Write what was measured where it was asked for; if it is whole, beside the directions.

    Args:
        options: Name the model, and perhaps a file.
        part: Of an artifact, as its recipe calls it.
        document: What was measured.
        folder: As `beside` takes it.
        whole: Whether it was measured as it is stored: a smaller one would replace a larger one.

    Returns:
        The file; None if nothing was written.

    Raises:
        SteeringError: If there is no room for it.
    """
    out: Path | None = options.out
    if out is None and whole:
        out = beside(options, recipe.RECIPE_PARTS[part][0], folder)
    if out is None:
        return None
    if part in recipe.MADE_APART:
        document = of_directions(document, folder or _folder_of(options))
    whole_files.write_json(out, document)
    if options.out is None:
        recipe.note_part(out.parent, part)
    return str(out)


def _folder_of(options: argparse.Namespace) -> Path:
    given: Path | None = options.directions
    return given or folders.folder_of(options.model)


def panels(options: argparse.Namespace, directions: "Facts") -> list[Panel]:
    """Read the panels that were given, or the usual ones."""
    return [parse(text) for text in options.panel or usual(directions)]


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


def show_plainly(document: Mapping[str, object]) -> None:
    """Print a line for each entry."""
    for key, value in document.items():
        print(f"{key}: {value}")
