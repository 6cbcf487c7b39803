"""Makes everything the app needs for a model: `python -m steering precompute --model M`.

The stages run in order: refusal openers, activations, INLP everywhere, score table, choices, rank
and coefficient to start with, controls, maps, evaluation and landing of the test prompts, sweep,
recordings. Each leaves its result in a work folder under the cache, so a run that was stopped goes
on where it was.
"""

from dataclasses import replace
from pathlib import Path
from typing import cast

from steering.artifacts import directions_file, publishing, recipe, store, team
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.manifest_document import ManifestFacts, TextFacts
from steering.artifacts.provenance import provenance
from steering.artifacts.recorded_markers import with_places
from steering.artifacts.recordings import record
from steering.artifacts.resumable import Stages
from steering.data import prose
from steering.data.splits import PromptSplits
from steering.evaluation import evaluation
from steering.evaluation.answers import ROWS
from steering.evaluation.evaluation import EvaluationSettings, evaluate
from steering.evaluation.evaluation_arms import arms
from steering.evaluation.extent import amount, whole
from steering.fitting import choice, opener_search
from steering.fitting.candidates import fit_directions, fit_maps_of, with_stability
from steering.fitting.control_fit import fit_controls
from steering.interventions.directions import Directions
from steering.interventions.openers import opened
from steering.maps import map_points
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.sweep import sweep_table
from steering.sweep.sweep import run_sweep
from steering.system import console, whole_files


def precompute(
    model: ChatModel,
    splits: PromptSplits,
    out: Path,
    *,
    batch_size: int = 16,
    rows_per_batch: int = ROWS,
    classes: str = "auto",
) -> Directions:
    """Fit, choose, evaluate and record; write everything under `out`.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        out: Folder of the artifact; nothing in it is replaced until all of it can be.
        batch_size: Prompts per forward pass while fitting and choosing.
        classes: What edits are fitted to tell apart by default: `auto`, `label` or `behaviour`;
            see `fitting.fitted_on`.
        rows_per_batch: Rows (prompts x panels) that are answered at once.
    """
    stages = stages_of(model, splits)
    # Half a result would mix with an older one's rest.
    final, out = out, team.place(stages.folder / "artifact")
    steerable = fit_all(model, splits, out, classes=classes, sizes=(batch_size, rows_per_batch))
    model, directions = steerable.model, steerable.directions
    compared, measured = arms(directions), whole(directions)
    console.say(amount(compared, splits.test, evaluation.TOKENS, measured))
    found = evaluate(
        steerable,
        splits.test,
        compared,
        EvaluationSettings(
            tokens=evaluation.TOKENS,
            rows_per_batch=rows_per_batch,
            passages=prose.passages(),
            extent=measured,
        ),
    )
    facts = provenance(model, splits.source)
    of_text: TextFacts = {"text": prose.source()}
    document: EvaluationDocument = {
        **found.document,
        "provenance": {**facts, **of_text},
    }
    whole_files.write_json(out / "evaluation.json", document)
    run_sweep(steerable, splits, out / sweep_table.TABLE, provenance=facts)
    lines = record(steerable, stages)
    digest = map_points.digest(out / map_points.FILE)
    placed = with_places(lines, steerable, digest=digest)
    whole_files.write_lines(out / "recordings.jsonl", placed)
    team.part_done()
    recipe.write_recipe(out, model.name, facts)
    publishing.publish(out, final)
    return directions


def stages_of(model: ChatModel, splits: PromptSplits) -> Stages:
    """Return the stages of everything that is fitted on these prompts."""
    return Stages.of(model, splits.source, directions_file.ARTIFACT_SCHEMA)


def fit_all(
    model: ChatModel,
    splits: PromptSplits,
    out: Path,
    *,
    sizes: tuple[int, int],
    classes: str = "auto",
) -> SteerableModel:
    """Fit and choose directions, fit controls and maps, and write them under `out`.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        out: Folder; files of these names are replaced one by one.
        sizes: Prompts per forward pass, and rows that are answered at once.
        classes: See `precompute`.
    """
    stages = stages_of(model, splits)
    batch_size, rows = sizes
    openers = opener_search.search(model, splits, stages, rows=rows)
    fitted = fit_directions(model, splits, stages, batch_size, openers, classes=classes)
    model = opened(model, openers)  # its score chooses, and is measured, by these
    directions, chosen = choice.choose(
        model, fitted.directions, splits, stages, effort=choice.FULL, sizes=sizes
    )
    directions = with_stability(directions, fitted, stages)
    directions = replace(directions, controls=fit_controls(directions, stages))
    manifest = cast(
        ManifestFacts,
        {
            **provenance(model, splits.source),
            "train": {name: len(texts) for name, texts in splits.train.items()},
            **fitted.facts,
            **chosen,
        },
    )
    maps = fit_maps_of(model, directions, splits, stages, batch_size)
    store.write(out, directions, manifest)
    store.write_maps(out, maps)
    return SteerableModel(model, directions, maps)
