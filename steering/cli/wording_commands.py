"""The command `wordings`: what English directions do in other languages and wordings."""

import argparse
from typing import NotRequired

from steering.artifacts.wording_document import WordingDocument
from steering.cli import shared, study_options
from steering.data import wordings
from steering.data.splits import PromptSplits
from steering.defaults import TOKENS


class PrintedWordings(WordingDocument):
    """What `wordings` prints: the document, and where it was written."""

    written: NotRequired[str | None]


def run(options: argparse.Namespace) -> PrintedWordings:
    """Place the pairs on the English map, and answer them with English directions."""
    from steering.anatomy import wording_study
    from steering.artifacts.provenance import provenance
    from steering.artifacts.resumable import Stages

    steerable, folder = shared.studied(options, maps=True)
    maps = steerable.maps.digest if steerable.maps else ""
    stages = Stages.of(steerable.model, "wordings", steerable.directions.digest, maps)
    found = wording_study.document(steerable, wording_study.chosen(options.limit), stages, TOKENS)
    source = f"{PromptSplits.own().source}, {wordings.source()}"
    found["provenance"] = provenance(steerable.model, source)
    whole = options.limit is None
    return {**found, "written": shared.store_part(options, "wordings", found, folder, whole=whole)}


def show(document: PrintedWordings) -> None:
    """Print the tables."""
    from steering.anatomy import wording_table

    print(wording_table.markdown(document) + study_options.written(document))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    study_options.study(parser, "pairs, evenly spaced (default all 40)")
