"""Directions, maps and start settings of a model in minutes: `precompute --quick`.

The fits are those of `precompute`, on all training prompts. What is chosen by trying, the points,
the rank and the coefficient, is tried on fewer candidates and prompts; where directions of the same
model are known already, their points, settings and refusal openers are taken over and nothing is
tried. There is no
evaluation, no sweep and no recording.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from steering.artifacts import directions_file, folders, local_fits, publishing, store, team
from steering.artifacts.manifest_document import ManifestFacts
from steering.artifacts.provenance import fingerprint, provenance
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.defaults import BEHIND_BATCH
from steering.errors import SteeringError
from steering.evaluation.answers import ROWS
from steering.fitting import opener_search
from steering.fitting.candidates import fit_directions, fit_maps_of, with_stability
from steering.fitting.choice import QUICK, choose
from steering.interventions.directions import Directions
from steering.interventions.openers import opened
from steering.interventions.outline import within
from steering.models.chat_model import ChatModel
from steering.models.fast_products import held_as
from steering.models.number_formats import short


def folder_of(model: ChatModel) -> Path:
    """Return where the quick fit of a model in its number format is kept."""
    kind = f"{short(model.dtype)}-{held_as(model.number_format)}-{model.device.type}"
    mode = "-thinking" if model.template.rendering.thinking == "on" else ""
    return local_fits.root(model.name) / f"{kind}{mode}"


def find(model: ChatModel) -> Path | None:
    """Return the quick fit of these very weights in this number format, None without one."""
    return local_fits.matching(folder_of(model), fingerprint(model))


def known(model: ChatModel) -> Directions | None:
    """Return directions whose points a quick fit takes over: the shipped ones, or None.

    None, too, if they were fitted in another mode of the template, whose points are others.
    """
    try:
        found = store.load(model.name, folders.shipped(model.name))
        found.rendering.require(model.template.rendering, what="directions", model=model.name)
    except SteeringError:
        return None
    return found if found.inlp else None


def quick(  # noqa: PLR0913 - what is fitted, where it goes, and how much at once
    model: ChatModel,
    splits: PromptSplits,
    out: Path | None = None,
    *,
    taken_over: Directions | None = None,
    batch_size: int = BEHIND_BATCH,
    rows_per_batch: int = ROWS,
    classes: str = "auto",
) -> Directions:
    """Fit directions and maps, choose where and how to start, and write them.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        out: Folder of the artifact; None keeps it in the cache.
        taken_over: Directions of the same model, whose points, rank, coefficient and refusal
            openers are used.
        batch_size: Prompts per forward pass.
        classes: What edits are fitted to tell apart by default: `auto`, `label` or `behaviour`;
            see `fitting.fitted_on`.
        rows_per_batch: Rows that are answered at once.

    Raises:
        SteeringError: If the model or the prompts do not allow it; nothing is written then.
    """
    stages = Stages.of(model, splits.source, directions_file.ARTIFACT_SCHEMA)
    openers = (
        taken_over.openers
        if taken_over is not None
        else opener_search.search(model, splits, stages, rows=rows_per_batch)
    )
    fitted = fit_directions(model, splits, stages, batch_size, openers, classes=classes)
    directions = fitted.directions
    model = opened(model, openers)  # its score chooses, and is measured, by these
    if taken_over is not None:
        rank = directions.subspace("inlp", taken_over.inlp_point).rank
        directions = replace(
            directions,
            dim_point=taken_over.dim_point,
            inlp_point=taken_over.inlp_point,
            default_k=min(taken_over.default_k, rank),
            default_c=taken_over.default_c,
            nullspace=within(taken_over.nullspace, directions.inlp_ranks),
        )
        chosen: dict[str, Any] = {"chosen": "taken over from the shipped directions"}
    else:
        directions, chosen = choose(
            model, directions, splits, stages, effort=QUICK, sizes=(batch_size, rows_per_batch)
        )
    directions = with_stability(directions, fitted, stages)
    maps = fit_maps_of(model, directions, splits, stages, batch_size)
    team.part_done()
    out = out or folder_of(model)
    facts = {
        **provenance(model, splits.source),
        "fingerprint": fingerprint(model),
        "quick": True,
        "train": {name: len(texts) for name, texts in splits.train.items()},
        **fitted.facts,
        **chosen,
    }
    with publishing.replacing(out) as made:
        store.write_maps(made, maps)
        store.write(made, directions, cast(ManifestFacts, facts))
    return directions
