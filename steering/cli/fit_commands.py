"""The command `precompute`: everything that the app needs of a model."""

import argparse
from pathlib import Path
from typing import Any

from steering.adaptation import quick_fit
from steering.artifacts import folders, store
from steering.cli import shared
from steering.cluster import crew
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.interventions.outline import start_of
from steering.models.chat_model import ChatModel
from steering.precompute import precompute as make


def precompute(options: argparse.Namespace) -> dict[str, Any]:
    """Make everything the app needs for a model."""
    return crew.run(options, fit)


def fit(options: argparse.Namespace) -> dict[str, Any]:
    """Do the work of `precompute`, as its leader, as one of its workers, or alone."""
    shared.require_both(options)
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
            classes=options.classes,
        )
    else:
        out = options.out or folders.made(options.model)
        _keep_other_mode(out, model)
        directions = make(
            model,
            splits,
            out,
            batch_size=options.batch_size,
            rows_per_batch=options.rows,
            classes=options.classes,
        )
    removed = start_of(directions, "nullspace")
    return {
        "folder": str(out),
        "dim_place": directions.dim_point,
        "inlp_place": directions.inlp_point,
        "k": directions.default_k,
        "nullspace_place": removed.point,
        "nullspace_k": removed.k,
        "c": directions.default_c,
        "classes": directions.inlp_classes,
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
