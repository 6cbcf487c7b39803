"""The commands `evaluate` and `results`: the paper's comparison, measured and printed."""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NotRequired

from steering import program
from steering.adaptation import loaded
from steering.artifacts import parquet_table, store, team
from steering.artifacts.evaluation_document import (
    EVALUATION_SCHEMA,
    AgreementEntry,
    DriftsEntry,
    EvaluationDocument,
)
from steering.artifacts.manifest_document import TextFacts
from steering.artifacts.provenance import provenance
from steering.chat_judges.local_judge import open_judge
from steering.cli import shared
from steering.cluster import crew
from steering.data import prompts, prose
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.evaluation import evaluation, evaluation_arms, extent, landings, report
from steering.evaluation.answers import as_rows
from steering.evaluation.eraser_arms import with_erasers
from steering.evaluation.evaluation import EvaluationSettings
from steering.evaluation.evaluation_arms import Arm
from steering.evaluation.extent import CHOSEN
from steering.inference import comparison
from steering.interventions.directions import Directions
from steering.interventions.openers import opened
from steering.interventions.panel import parse
from steering.maps.model_maps import Maps
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.system import console, whole_files


class PrintedEvaluation(EvaluationDocument):
    """What `evaluate` prints: the document, where it was written, how long answering took."""

    written: NotRequired[str | None]
    seconds: NotRequired[float]


def evaluate(options: argparse.Namespace) -> PrintedEvaluation:
    """Compare panels on sets of prompts; a whole comparison is stored beside the directions."""
    if options.parquet:
        parquet_table.require(options.parquet)
    return crew.run(options, measure)


def measure(options: argparse.Namespace) -> PrintedEvaluation:
    """Do the work of `evaluate`, as its leader, as one of its workers, or alone."""
    shared.require_both(options)
    comparison.check_length("-", options.system)
    sets, source = _sets(options)
    passages, text = _passages(options)
    _arms(options, store.load(options.model, options.directions))  # before the slow model load
    model = shared.load(options).under(options.system)
    folder = loaded.folder_for(model, options.directions)
    directions, (maps, drifts) = store.load(options.model, folder), _maps(options, model, folder)
    arms = _arms(options, directions)
    more = with_erasers(arms, directions)[len(arms) :] if options.erasers else ()
    chosen = (options.harmful, options.panel, options.limit, options.text, options.system)
    whole = not any(chosen) and options.max_new_tokens == evaluation.TOKENS
    # Who asks for other panels or for shorter answers wants these, and soon.
    few = options.panel or options.max_new_tokens < evaluation.TOKENS
    measured = CHOSEN if few else extent.whole(directions)
    judge = (
        open_judge(options.judge, lambda name: shared.load(options, name))
        if options.judge
        else None
    )
    console.say(extent.amount([*arms, *more], sets, options.max_new_tokens, measured))
    found = evaluation.evaluate(
        SteerableModel(model, directions, maps),
        sets,
        arms,
        EvaluationSettings(
            tokens=options.max_new_tokens,
            rows_per_batch=options.rows,
            passages=passages,
            extent=measured,
            judge=judge,
        ),
        more=more,
    )
    of_text: TextFacts = {
        "text": text,
        "control_tokens": list(model.template.control_tokens(*chain(*sets.values()))),
    }
    document: EvaluationDocument = {
        **found.document,
        "provenance": {**provenance(opened(model, directions.openers), source), **of_text},
        "drift": drifts,
        "directions_drift": _agreement(model, directions, folder, measured=whole),
    }
    team.part_done()
    written = shared.store_part(options, "evaluation", document, folder, whole=whole)
    if options.texts:
        whole_files.write_lines(options.texts, as_rows(found.rows))
    if options.parquet:
        parquet_table.write(options.parquet, as_rows(found.rows), document["provenance"])
    # How long it took is told, not stored: a file is the same however often its run was stopped.
    return {**document, "written": written, "seconds": found.seconds}


def _arms(options: argparse.Namespace, directions: Directions) -> Sequence[Arm]:
    """Return the conditions of the comparison, which these directions allow."""
    arms = (
        evaluation_arms.arms_of([parse(text) for text in options.panel], directions)
        if options.panel
        else evaluation_arms.arms(directions)
    )
    for arm in arms:
        arm.panel.edit(directions)
    return arms


def _sets(options: argparse.Namespace) -> tuple[Mapping[str, Sequence[str]], str]:
    if options.harmful is None:
        splits = PromptSplits.own()
        if options.limit:
            splits = splits.limited(options.limit)
        return splits.test, splits.source
    paths = {name: getattr(options, name) for name in prompts.LABELS if getattr(options, name)}
    sets = {name: prompts.read(path, limit=options.limit) for name, path in paths.items()}
    return sets, ", ".join(f"{path.name} sha256:{_sha256(path)}" for path in paths.values())


def _passages(options: argparse.Namespace) -> tuple[Sequence[prose.Passage], str | None]:
    if options.text is None:
        return prose.passages(), prose.source()
    if str(options.text) == "none":
        return (), None
    return [prose.read(options.text)], f"{options.text.name} sha256:{_sha256(options.text)}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _maps(
    options: argparse.Namespace, model: ChatModel, folder: Path | None
) -> tuple[Maps | None, DriftsEntry | None]:
    """Return the model's maps as they serve here, and what the check of its number format found.

    Where prompts land is not measured at all if the layer of INLP's edits is unusable.
    """
    checked = loaded.checked_maps(model, folder)
    if checked is None:
        return None, None
    maps, check = checked
    directions = store.load(options.model, folder)
    found = check.as_dict(landings.layers_shown(directions, maps))
    source = directions.inlp_layer
    if check.at(source).verdict == "unusable":
        print(
            f"where prompts land is not measured: {check.sentence(source)}; fit maps for this "
            f"machine with `{program.name()} precompute --quick --model {options.model}`",
            file=sys.stderr,
        )
        return None, found
    return maps, found


def _agreement(
    model: ChatModel, directions: Directions, folder: Path | None, *, measured: bool
) -> AgreementEntry | None:
    if directions.inlp and not loaded.fitted_on_own_prompts(model, folder):
        print(
            "how far the directions depend on the number format is not measured: they were not "
            "fitted on the project's own prompts, on which they would be fitted again",
            file=sys.stderr,
        )
    return loaded.agreement(model, directions, folder, measured=measured)


def show(document: PrintedEvaluation) -> None:
    """Print the tables and claims."""
    print(report.markdown(document))
    if "seconds" in document:
        print(f"\nAnswering took {document['seconds']:.0f} s.")
    if document.get("written"):
        print(f"Written: {document['written']}")


def results(options: argparse.Namespace) -> EvaluationDocument:
    """Return the stored evaluation of a model."""
    document = store.evaluation(options.model)
    if document is None or document.get("schema") != EVALUATION_SCHEMA:
        raise SteeringError(
            f"there are no results for {options.model!r}; measure them with "
            f"`python -m steering evaluate --model {options.model}`"
        )
    return document
