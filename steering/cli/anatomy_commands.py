"""The command `anatomy`: what goes on inside a model before it refuses."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NotRequired

from steering.adaptation import loaded
from steering.anatomy import harm_and_refusal, harm_table, reply_inversion
from steering.artifacts import store
from steering.artifacts.harm_document import HARM_FILE, HarmDocument
from steering.artifacts.provenance import provenance
from steering.artifacts.resumable import Stages
from steering.cli import shared
from steering.data.splits import PromptSplits, evenly
from steering.evaluation.matched_controls import can_act
from steering.interventions.openers import opened
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.system import whole_files

_TRIED: Final = ("ablation", "nullspace", "flip", "actadd")


class PrintedHarm(HarmDocument):
    """What `anatomy harm` prints: the document, and where it was written."""

    written: NotRequired[str | None]


def run(options: argparse.Namespace) -> PrintedHarm:
    """Find the axes, place the test prompts, ask the model what it thinks of them."""
    store.load(options.model, options.directions)  # if it is broken, before the slow part
    model = shared.load(options)
    folder = loaded.folder_for(model, options.directions)
    directions = store.load(options.model, folder)
    model = opened(model, directions.openers)
    steerable = SteerableModel(model, directions)
    splits = _limited(PromptSplits.own(), options.limit)
    stages = Stages.of(model, "anatomy", directions.digest, splits.source)
    found = harm_and_refusal.document(steerable, splits, stages)
    asked = {name: evenly(splits.test[name], options.asked) for name in ("harmful", "harmless")}
    panels = [panel for panel in map(Panel, _TRIED) if can_act(panel, directions)]
    found["inversion"] = reply_inversion.inversion(steerable, found["axes"], panels, asked, stages)
    found["provenance"] = provenance(model, splits.source)
    whole = options.limit is None
    out = options.out or (shared.beside(options, HARM_FILE, folder) if whole else None)
    if out:
        whole_files.write_json(out, found)
    return {**found, "written": str(out) if out else None}


def show(document: PrintedHarm) -> None:
    """Print the tables."""
    print(harm_table.markdown(document))
    if document.get("written"):
        print(f"\nWritten: {document['written']}")


def _limited(splits: PromptSplits, limit: int | None) -> PromptSplits:
    def few(sets: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
        return {name: evenly(texts, limit) for name, texts in sets.items()}

    return replace(
        splits,
        train=few(splits.train),
        validation=few(splits.validation),
        test=few(splits.test),
    )
