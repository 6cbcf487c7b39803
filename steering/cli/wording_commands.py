"""The command `wordings`: what English directions do in other languages and wordings."""

import argparse
from pathlib import Path
from typing import NotRequired

from steering.artifacts.wording_document import WordingDocument
from steering.cli import command_options, shared
from steering.data import wordings
from steering.data.splits import PromptSplits
from steering.defaults import TOKENS


class PrintedWordings(WordingDocument):
    """What `wordings` prints: the document, and where it was written."""

    written: NotRequired[str | None]


def run(options: argparse.Namespace) -> PrintedWordings:
    """Place the pairs on the English map, and answer them with English directions."""
    from steering.adaptation import loaded
    from steering.anatomy import wording_study
    from steering.artifacts import store
    from steering.artifacts.provenance import provenance
    from steering.artifacts.resumable import Stages
    from steering.maps.steerable_model import SteerableModel

    store.load(options.model, options.directions)  # if it is broken, before the slow part
    model = shared.load(options)
    folder = loaded.folder_for(model, options.directions)
    directions = store.load(options.model, folder)
    steerable = SteerableModel(model, directions, store.read_maps(options.model, folder))
    maps = steerable.maps.digest if steerable.maps else ""
    stages = Stages.of(steerable.model, "wordings", directions.digest, maps)
    found = wording_study.document(steerable, wording_study.chosen(options.limit), stages, TOKENS)
    source = f"{PromptSplits.own().source}, {wordings.source()}"
    found["provenance"] = provenance(steerable.model, source)
    whole = options.limit is None
    return {**found, "written": shared.store_part(options, "wordings", found, folder, whole=whole)}


def show(document: PrintedWordings) -> None:
    """Print the tables."""
    from steering.anatomy import wording_table

    print(wording_table.markdown(document))
    if document.get("written"):
        print(f"\nWritten: {document['written']}")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    command_options.machine(command_options.model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--limit", type=command_options.positive, help="pairs, evenly spaced (default all 40)"
    )
    parser.add_argument(
        "--out", type=Path, help="write this JSON file (default: beside the directions, if whole)"
    )
