"""The command `harm`: whether a request looks harmful, and whether a refusal is coming."""

import argparse
import logging
from typing import Final, NotRequired, get_args

from steering.artifacts.harm_document import AskedSet, HarmDocument
from steering.cli import command_options, shared, study_options
from steering.data.splits import PromptSplits, evenly

_logger = logging.getLogger(__name__)
_ASKED: Final = 40
_TRIED: Final = ("ablation", "nullspace", "flip", "actadd", "leace", "ace", "alterrep")


class PrintedHarm(HarmDocument):
    """What `harm` prints: the document, and where it was written."""

    written: NotRequired[str | None]


def run(options: argparse.Namespace) -> PrintedHarm:
    """Find the axes, place the test prompts, ask the model what it thinks of them."""
    from steering.anatomy import harm_and_refusal, reply_inversion
    from steering.artifacts.provenance import provenance
    from steering.artifacts.resumable import Stages
    from steering.evaluation.matched_controls import can_act
    from steering.interventions.panel import Panel

    steerable, folder = shared.studied(options)
    model, directions = steerable.model, steerable.directions
    splits = PromptSplits.own()
    if options.limit is not None:
        splits = splits.limited(options.limit, fitting=True)
    stages = Stages.of(model, "anatomy", directions.digest, splits.source)
    found = harm_and_refusal.document(steerable, splits, stages)
    asked = {name: evenly(splits.test[name], options.asked) for name in get_args(AskedSet)}
    panels = [panel for panel in map(Panel, _TRIED) if can_act(panel, directions)]
    if reply_inversion.can_ask(model):
        axes = found["axes"]
        found["inversion"] = reply_inversion.inversion(steerable, axes, panels, asked, stages)
    else:
        words = " and ".join(reply_inversion.REPLY_WORDS)
        _logger.warning("%s begin with one token of this model, so it is not asked", words)
    found["provenance"] = provenance(model, splits.source)
    whole = options.limit is None and options.asked == _ASKED
    return {**found, "written": shared.store_part(options, "harm", found, folder, whole=whole)}


def show(document: PrintedHarm) -> None:
    """Print the tables."""
    from steering.anatomy import harm_table

    print(harm_table.markdown(document) + study_options.written(document))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    study_options.study(parser, "prompts of each class for each purpose").add_argument(
        "--asked",
        type=command_options.positive,
        default=_ASKED,
        help=f"test prompts of each class that are asked about (default {_ASKED})",
    )
