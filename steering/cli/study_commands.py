"""Commands about many requests, and what they left: `sweep`, `transfer`, `gate`, `export`."""

import argparse
from dataclasses import replace
from itertools import chain
from typing import Any

import torch

from steering.adaptation import fast_gate, loaded, transfer_table
from steering.adaptation.fast_gate import Exact
from steering.adaptation.transfer import Shipped
from steering.adaptation.transfer import transfer as measure_transfer
from steering.artifacts import parquet_table, recipe, store, team
from steering.artifacts.export import export as write_export
from steering.artifacts.fast_gate_document import FastGateDocument
from steering.artifacts.provenance import provenance
from steering.artifacts.transfer_document import TransferDocument
from steering.cli import shared
from steering.cluster import crew
from steering.data.splits import PromptSplits
from steering.defaults import TRANSFER_PROMPTS
from steering.errors import SteeringError
from steering.interventions.directions import Directions
from steering.interventions.openers import opened
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models import fast_products, loading
from steering.models.chat_model import ChatModel
from steering.models.fast_products import Allowed, SpeedChoice
from steering.models.number_formats import Format, formats
from steering.sweep import cells, grids, sweep_table
from steering.sweep.sweep import run_sweep
from steering.system import whole_files


class PrintedTransfer(TransferDocument):
    """What `transfer` prints: the document, and where it was written."""

    written: str | None


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure grids of edits on validation prompts and write one table."""
    if options.parquet:
        parquet_table.require(options.parquet)
    return crew.run(options, sweep)


def sweep(options: argparse.Namespace) -> dict[str, Any]:
    """Do the work of `sweep`, as its leader, as one of its workers, or alone."""
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
    if options.out is not None and options.out.suffix != ".csv":
        raise SteeringError(f"cannot write the table to {options.out}: its name must end in .csv")
    model = shared.load(options)
    folder = loaded.folder_for(model, options.directions)
    directions = store.load(options.model, folder)
    out = options.out or shared.beside(options, sweep_table.TABLE, folder)
    facts = provenance(opened(model, directions.openers), splits.source)
    rows = run_sweep(
        SteerableModel(model, directions),
        splits,
        team.place(out),
        provenance=facts,
        grid=grid,
        generated=answered,
        settings=settings,
    )
    team.part_done()
    if options.out is None:
        recipe.note_part(out.parent, "sweep")
    if options.parquet:
        parquet_table.write(options.parquet, rows, facts)
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
    written = shared.store_part(options, "transfer", document, options.directions, whole=whole)
    return {**document, "written": written}


def show_transfer(document: PrintedTransfer) -> None:
    """Print the table."""
    print(transfer_table.markdown(document))
    if document.get("written"):
        print(f"\nWritten: {document['written']}")


def gate(options: argparse.Namespace) -> FastGateDocument:
    """Measure whether fast products may be taken, and keep it beside the directions."""
    directions = store.load(options.model, options.directions)

    def load(speed: SpeedChoice, allowed: Allowed = fast_products.NOT_ASKED) -> ChatModel:
        with shared.progress_bar() as report:
            return loading.load(
                options.model,
                dtype="float32",
                device="cpu",
                thinking=options.thinking,
                report=report,
                speed=speed,
                gate=lambda _weights: allowed,
            )

    out = options.out or shared.beside(options, "fast_gate.json", options.directions)
    exact = Exact(
        SteerableModel(load("exact"), directions),
        PromptSplits.own(),
        store.evaluation(options.model, options.directions),
    )
    document = fast_gate.measure(exact, lambda parts: load("fast", Allowed(parts, "on trial")))
    whole_files.write_json(out, document)
    return document


def show_gate(document: FastGateDocument) -> None:
    """Print what every trial found."""
    for trial in document["trials"]:
        held = "one integer" if trial["parts"] == 1 else "two integers"
        print(f"States in {held}: {'; '.join(trial['failed']) or 'passed'}")
        for each in trial["divergence"]:
            print(
                f"  {each['panel']:<28} KL {each['mean']:.4f} a position, {each['largest']:.3f} at "
                f"most ({each['positions']} positions)"
            )
        print(f"  {trial['verdicts_equal']} of {trial['answers']} answers keep their verdict")
        for rate in trial.get("rates", ()):
            low, high = rate["exact"]["low"], rate["exact"]["high"]
            print(
                f"  {rate['panel']:<28} {rate['prompts']}: {rate['fast']:.2f} refused of "
                f"{rate['n']}, evaluation {rate['exact']['estimate']:.2f} ({low:.2f} to {high:.2f})"
            )


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write the directions for use elsewhere."""
    return {"file": str(write_export(options.model, options.out, folder=options.directions))}
