"""The command `patch`: which states of a request bring a refusal back in the run of its twin."""

import argparse

from steering.artifacts.patching_document import PatchingDocument, Towards
from steering.cli import command_options, shared, study_options
from steering.data.splits import PromptSplits
from steering.defaults import PATCHED_PAIRS, PATCHED_STEP
from steering.formatting import between, plain
from steering.system import console


class PrintedPatching(PatchingDocument):
    """What `patch` prints: the document, and where it was written."""

    written: str | None


def run(options: argparse.Namespace) -> PrintedPatching:
    """Patch pairs of the test set; the table of as many as is usual lies beside the directions."""
    from steering.anatomy import patch_study
    from steering.anatomy.pair_grid import GridShape
    from steering.artifacts.provenance import provenance
    from steering.artifacts.resumable import Stages

    steerable, folder = shared.studied(options)
    shape = GridShape.of(steerable.model, steerable.directions, step=options.step)
    picked = patch_study.chosen(steerable, patch_study.own_twins(), options.pairs)
    cells = len(shape.layers) * len(shape.columns)
    console.say(f"{len(picked.twins)} pairs are patched at {cells} places, in two directions.")
    stages = Stages.of(steerable.model, "patching", steerable.directions.digest)
    pairs = patch_study.measure(steerable, picked, shape, stages)
    document = patch_study.document(steerable, picked, shape, pairs)
    document["provenance"] = provenance(steerable.model, PromptSplits.own().source)
    whole = (options.pairs, options.step) == (PATCHED_PAIRS, PATCHED_STEP)
    written = shared.store_part(options, "patch", document, folder, whole=whole)
    return {**document, "written": written}


def show(document: PrintedPatching) -> None:
    """Print the row of the layer at which INLP edits, in both directions."""
    layer = document["point"][1]
    row = document["layers"].index(layer)
    directions: tuple[Towards, ...] = ("refusal", "answer")
    for towards in directions:
        print(f"\nRestored towards {towards} at layer {layer}, n = {document['n']} pairs:")
        for part, grid in document["restored"][towards].items():
            cells = (
                f"{','.join(map(str, column)) if len(column) == 1 else 'all'}: {plain(mean)} "
                f"{between(low, high)}"
                for column, mean, low, high in zip(
                    document["columns"],
                    grid["mean"][row],
                    grid["low"][row],
                    grid["high"][row],
                    strict=True,
                )
            )
            print(f"  {part:<8} {'  '.join(cells)}")
    print(study_options.written(document))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    study_options.study(parser)
    parser.add_argument(
        "--pairs",
        type=command_options.positive,
        default=PATCHED_PAIRS,
        help=f"pairs of the test set (default {PATCHED_PAIRS})",
    )
    parser.add_argument(
        "--step",
        type=command_options.positive,
        default=PATCHED_STEP,
        help=f"every so many layers (default {PATCHED_STEP})",
    )
