"""Commands about many requests: `precompute`, `evaluate`, `sweep`, `results`, `export`."""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NotRequired

import torch

from steering.adaptation import loaded, quick_fit, transfer_table
from steering.adaptation.transfer import Shipped
from steering.adaptation.transfer import transfer as measure_transfer
from steering.artifacts import store
from steering.artifacts.evaluation_document import (
    EVALUATION_SCHEMA,
    AgreementEntry,
    DriftsEntry,
    EvaluationDocument,
)
from steering.artifacts.export import export as write_export
from steering.artifacts.provenance import provenance
from steering.artifacts.transfer_document import TransferDocument
from steering.chat_judges.local_judge import open_judge
from steering.cli import shared
from steering.data import prompts, prose
from steering.data.splits import PromptSplits
from steering.defaults import TRANSFER_PROMPTS
from steering.errors import SteeringError
from steering.evaluation import evaluation, evaluation_arms, landings, report
from steering.evaluation.answers import as_rows
from steering.evaluation.evaluation import EvaluationSettings
from steering.inference import comparison
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse
from steering.maps.model_maps import Maps
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.models.number_formats import Format, formats
from steering.precompute import precompute as make
from steering.sweep import cells, grids, sweep_table
from steering.sweep.sweep import run_sweep


class PrintedEvaluation(EvaluationDocument):
    """What `evaluate` prints: the document, where it was written, how long answering took."""

    written: NotRequired[str | None]
    seconds: NotRequired[float]


class PrintedTransfer(TransferDocument):
    """What `transfer` prints: the document, and where it was written."""

    written: str | None


def precompute(options: argparse.Namespace) -> dict[str, Any]:
    """Make everything the app needs for a model."""
    _require_both(options)
    splits = (
        PromptSplits.of_files(options.harmful, options.harmless)
        if options.harmful
        else PromptSplits.own()
    )
    if options.limit:
        splits = splits.limited(options.limit)
    model = shared.load(options)
    if options.quick:
        out = options.out or quick_fit.folder_of(model)
        _keep_other_mode(out, model)
        taken_over = None if options.harmful else quick_fit.known(model)
        directions = quick_fit.quick(
            model,
            splits,
            out,
            taken_over=taken_over,
            batch_size=options.batch_size,
            rows_per_batch=options.rows,
        )
    else:
        out = options.out or store.shipped(options.model)
        _keep_other_mode(out, model)
        directions = make(
            model, splits, out, batch_size=options.batch_size, rows_per_batch=options.rows
        )
    return {
        "folder": str(out),
        "dim_place": directions.dim_point,
        "inlp_place": directions.inlp_point,
        "k": directions.default_k,
        "c": directions.default_c,
    }


def _keep_other_mode(folder: Path, model: ChatModel) -> None:
    """Refuse to replace what was fitted with thinking by what was fitted without, or vice versa."""
    try:
        found = store.manifest(model.name, folder).get("thinking", "none")
    except SteeringError:
        return  # There is nothing that could be used, and so nothing to keep.
    if (found == "on") != (model.template.rendering.thinking == "on"):
        raise SteeringError(
            f"{folder} holds directions that were fitted with thinking {found}, which would be "
            "lost; give another folder with --out"
        )


def _require_both(options: argparse.Namespace) -> None:
    if (options.harmful is None) != (options.harmless is None):
        raise SteeringError(
            "give both --harmful and --harmless, or neither for the own prompt sets"
        )
    if getattr(options, "borderline", None) and not options.harmful:
        raise SteeringError("--borderline goes with --harmful and --harmless; give these, too")


def evaluate(options: argparse.Namespace) -> PrintedEvaluation:
    """Compare panels on sets of prompts; a whole comparison is stored beside the directions."""
    _require_both(options)
    comparison.check_length("-", options.system)
    sets, source = _sets(options)
    passages, text = _passages(options)
    directions = store.load(options.model, options.directions)
    arms = (
        evaluation_arms.arms_of([parse(text) for text in options.panel], directions)
        if options.panel
        else evaluation_arms.arms(directions)
    )
    for arm in arms:
        arm.panel.edit(directions)  # Validate panels before the slow model load.
    model = shared.load(options).under(options.system)
    folder = loaded.folder_for(model, options.directions)
    directions, (maps, drifts) = store.load(options.model, folder), _maps(options, model, folder)
    chosen = (options.harmful, options.panel, options.limit, options.text, options.system)
    whole = not any(chosen) and options.max_new_tokens == evaluation.TOKENS
    found = evaluation.evaluate(
        SteerableModel(model, directions, maps),
        sets,
        arms,
        EvaluationSettings(
            tokens=options.max_new_tokens,
            rows_per_batch=options.rows,
            passages=passages,
            judge=open_judge(options.judge, lambda name: shared.load(options, name))
            if options.judge
            else None,
        ),
    )
    document: EvaluationDocument = {
        **found.document,
        "provenance": {
            **provenance(model, source),
            "text": text,
            "control_tokens": list(model.template.control_tokens(*chain(*sets.values()))),
        },
        "drift": drifts,
        "directions_drift": _agreement(model, directions, folder, measured=whole),
    }
    if out := options.out or (_beside(options, "evaluation.json") if whole else None):
        store.write_json(out, document)
    if options.texts:
        store.write_lines(options.texts, as_rows(found.rows))
    # How long it took is told, not stored: a file is the same however often its run was stopped.
    return {**document, "written": str(out) if out else None, "seconds": found.seconds}


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
            f"machine with `python -m steering precompute --quick --model {options.model}`",
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


def _beside(options: argparse.Namespace, name: str) -> Path:
    return Path(options.directions or store.folder_of(options.model)) / name


def show_evaluate(document: PrintedEvaluation) -> None:
    """Print the tables and claims."""
    print(report.markdown(document))
    if "seconds" in document:
        print(f"\nAnswering took {document['seconds']:.0f} s.")
    if document.get("written"):
        print(f"Written: {document['written']}")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure grids of edits on validation prompts and write one table."""
    directions = store.load(options.model, options.directions)
    grid = {text: _expanded(text, directions) for text in options.grid} if options.grid else None
    answered = (
        list(chain.from_iterable(_expanded(text, directions) for text in options.answer))
        if options.answer
        else None
    )
    sizes = {"prompts": options.prompts, "generated_prompts": options.answered}
    settings = cells.SweepSettings(**{name: n for name, n in sizes.items() if n is not None})
    splits = PromptSplits.own()
    if options.out is None and (grid or answered):
        raise SteeringError("give --out FILE.csv for a grid of your own; the default one is stored")
    out = options.out or _beside(options, sweep_table.TABLE)
    if out.suffix != ".csv":
        raise SteeringError(f"cannot write the table to {out}: its name must end in .csv")
    model = shared.load(options)
    directions = store.load(options.model, loaded.folder_for(model, options.directions))
    rows = run_sweep(
        SteerableModel(model, directions),
        splits,
        out,
        provenance=provenance(model, splits.source),
        grid=grid,
        generated=answered,
        settings=settings,
    )
    return {"written": str(out), "cells": len(rows)}


def _expanded(text: str, directions: Directions) -> list[Panel]:
    found = grids.expand(text)
    for panel in found:
        panel.edit(directions)  # Validate panels before the slow model load.
    return found


def transfer(options: argparse.Namespace) -> PrintedTransfer:
    """Measure fit format by run format; the whole table is stored beside the directions."""
    directions = store.load(options.model, options.directions)
    splits = PromptSplits.own()
    known = {each.name: each for each in formats(cuda=torch.cuda.is_available())}
    if unknown := [name for name in options.format or () if name not in known]:
        allowed = "; ".join(known)
        raise SteeringError(f"unknown format {unknown[0]!r}; allowed on this machine: {allowed}")
    chosen = [known[name] for name in options.format] if options.format else list(known.values())

    def load(wanted: Format) -> ChatModel:
        return shared.load(options, number_format=wanted)

    maps = store.read_maps(options.model, options.directions)
    if maps is None:
        raise SteeringError(
            f"there are no maps of {options.model}; make them with `python -m steering precompute "
            f"--quick --model {options.model}`"
        )
    manifest = store.manifest(options.model, options.directions)
    fitted = Format("cpu", maps.quantization, maps.dtype)  # type: ignore[arg-type]
    if manifest.get("device", "cpu") != "cpu":
        fitted = replace(fitted, device=manifest["device"])
    kept, source = manifest.get("train_kept", {}), manifest.get("prompts")
    shipped = Shipped(directions, maps, fitted, kept, source)
    document = measure_transfer(load, shipped, splits, chosen, prompts=options.prompts)
    whole = not options.format and options.prompts == TRANSFER_PROMPTS
    out = options.out or (_beside(options, "transfer.json") if whole else None)
    if out:
        store.write_json(out, document)
    return {**document, "written": str(out) if out else None}


def show_transfer(document: PrintedTransfer) -> None:
    """Print the table."""
    print(transfer_table.markdown(document))
    if document.get("written"):
        print(f"\nWritten: {document['written']}")


def results(options: argparse.Namespace) -> EvaluationDocument:
    """Return the stored evaluation of a model."""
    document = store.evaluation(options.model)
    if document is None or document.get("schema") != EVALUATION_SCHEMA:
        raise SteeringError(
            f"there are no results for {options.model!r}; measure them with "
            f"`python -m steering evaluate --model {options.model}`"
        )
    return document


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write the directions for use elsewhere."""
    return {"file": str(write_export(options.model, options.out, folder=options.directions))}
