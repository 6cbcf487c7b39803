"""The command `capability`: what edits cost in knowledge, beside what they do to refusals."""

import argparse
import hashlib
from collections.abc import Sequence
from typing import NotRequired

from steering.artifacts import store
from steering.artifacts.capability_document import CapabilityDocument
from steering.artifacts.provenance import provenance
from steering.artifacts.resumable import Stages
from steering.cli import shared, study_options
from steering.data import questions
from steering.data.questions import Question
from steering.evaluation import capability, capability_table, eraser_arms, evaluation_arms
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse
from steering.system import console


class PrintedCapability(CapabilityDocument):
    """What `capability` prints: the document, and where it was written."""

    written: NotRequired[str | None]


def run(options: argparse.Namespace) -> PrintedCapability:
    """Ask every panel every question; a whole table is stored beside the directions."""
    found, source = _questions(options)
    _panels(options, store.load(options.model, options.directions))  # before the slow model load
    steerable, folder = shared.studied(options)
    model, directions = steerable.model, steerable.directions
    panels = _panels(options, directions)
    console.say(f"{len(panels)} panels are asked {len(found)} questions, of a pass or four each.")
    stages = Stages.of(model, "capability", directions.digest)
    stored = store.evaluation(options.model, folder)  # if it is broken, before the slow part
    answered = capability.measure(steerable, found, panels, stages)
    refused = capability_table.refusals(stored, panels, directions)
    document = capability_table.document(model.name, source, found, answered, refused)
    document["provenance"] = provenance(model, source)
    whole = not (options.panel or options.questions or options.limit)
    written = shared.store_part(options, "capability", document, folder, whole=whole)
    return {**document, "written": written}


def show(document: PrintedCapability) -> None:
    """Print the table."""
    print(capability_table.markdown(document) + study_options.written(document))


def _questions(options: argparse.Namespace) -> tuple[Sequence[Question], str]:
    path = options.questions
    if path is None:
        found, source = questions.questions(), questions.source()
    else:
        found = questions.read(path)
        source = f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    if options.limit is None:
        return found, source
    areas = dict.fromkeys(each.area for each in found)
    kept = [[each for each in found if each.area == area][: options.limit] for area in areas]
    return [each for part in kept for each in part], source


def _panels(options: argparse.Namespace, directions: Directions) -> list[Panel]:
    """Return the baseline and the panels that were given, or those of the whole comparison."""
    if options.panel:
        chosen = [parse(text) for text in options.panel]
    else:
        arms = eraser_arms.with_erasers(evaluation_arms.arms(directions), directions)
        chosen = [arm.panel for arm in arms if arm.kind != "control" or _is_first(arm.panel)]
    panels = list(dict.fromkeys([Panel("baseline"), *chosen]))
    for panel in panels:
        panel.edit(directions)
    return panels


def _is_first(panel: Panel) -> bool:
    """Whether this is the one control that is asked: the first of the mirrors at random."""
    return panel.mirrors_at_random and panel.seed in (None, 0)
