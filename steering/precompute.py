"""Makes everything the app needs for a model: `python -m steering precompute --model M`.

The stages run in order: activations, INLP everywhere, score table, choices, rank and coefficient to
start with, maps, evaluation and landing of the test prompts, sweep, recordings. Each leaves its
result in a work folder under the cache, so a run that was stopped goes on where it was.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steering import artifact, evaluation, prose, sweep_table
from steering.activations import capture_sets
from steering.answers import ROWS
from steering.controls import arms
from steering.directions import Directions, Inlp, Place, difference_in_means, inlp
from steering.evaluation import Settings, evaluate
from steering.maps import Maps
from steering.maps import fit as fit_maps
from steering.metrics import refusal_score
from steering.model import ChatModel
from steering.provenance import provenance
from steering.recordings import record
from steering.scoring import Bench, Score, logits_under, right_sign
from steering.selection import (
    SCREENED,
    Choice,
    as_rows,
    candidates,
    choose,
    choose_inlp,
    finalists,
    leading_places,
)
from steering.splits import PromptSplits
from steering.stages import Stages
from steering.starts import Starts
from steering.subspace import Subspace
from steering.sweep import run_sweep


def precompute(
    model: ChatModel,
    splits: PromptSplits,
    out: Path,
    *,
    batch_size: int = 16,
    rows_per_batch: int = ROWS,
) -> Directions:
    """Fit, choose, evaluate and record; write everything under `out`.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        out: Folder of the artifact; its files are replaced one by one, each atomically.
        batch_size: Prompts per forward pass while fitting and choosing.
        rows_per_batch: Rows (prompts x panels) per batch while generating.
    """
    stages = Stages.of(model, splits.source, artifact.SCHEMA)
    directions, kept = _fit(model, splits, stages, batch_size)
    bench = Bench.prepared(
        model,
        model.render_all(splits.validation["harmful"], what="harmful prompt"),
        model.render_all(splits.validation["harmless"], what="harmless prompt"),
        batch_size=batch_size,
    )
    directions, choices = _choose_places(directions, bench, stages, len(splits.train["harmful"]))
    starts = Starts(model, splits, stages, rows_per_batch)
    directions, defaults = starts.choose(directions)
    manifest = {
        **provenance(model, splits.source),
        "train": {name: len(texts) for name, texts in splits.train.items()},
        "train_kept": kept,
        "validation_kept": {"harmful": len(bench.harmful), "harmless": len(bench.harmless)},
        **choices,
        **defaults,
    }
    artifact.write(out, directions, manifest)
    maps = _map(model, directions, splits, stages, batch_size)
    artifact.write_maps(out, maps)
    found = evaluate(
        model,
        directions,
        splits.test,
        arms(directions),
        Settings(
            tokens=evaluation.TOKENS,
            rows_per_batch=rows_per_batch,
            passages=prose.passages(),
            maps=maps,
        ),
    )
    facts = provenance(model, splits.source)
    of_text = {"text": prose.source()}
    artifact.write_json(out / "evaluation.json", {**found.document, "provenance": facts | of_text})
    run_sweep(model, directions, splits, out / sweep_table.TABLE, provenance=facts)
    artifact.write_lines(out / "recordings.jsonl", record(model, directions, stages))
    return directions


def _fit(
    model: ChatModel, splits: PromptSplits, stages: Stages, batch_size: int
) -> tuple[Directions, dict[str, int]]:
    """Return what is fitted, no place chosen yet, and the prompts a class behind the difference."""
    positions = tuple(range(-len(model.suffix), 0))

    def activations() -> dict[str, Tensor]:
        return capture_sets(
            model,
            splits.train,
            layers=range(model.n_layers),
            positions=positions,
            batch_size=batch_size,
            progress=True,
        )

    states = stages.tensors("activations", activations)
    harmful, harmless = states["harmful"], states["harmless"]
    scores = stages.tensors("scores", lambda: _train_scores(model, splits, batch_size))
    refused = right_sign(scores["harmful"], 1)
    answered = right_sign(scores["harmless"], -1)
    difference = difference_in_means(harmful[refused], harmless[answered])
    places = candidates(positions, model.n_layers)

    def fit(key: str) -> dict[str, Any]:
        position, layer = _place(key)
        index = positions.index(position)
        found = inlp(harmful[:, index, layer], harmless[:, index, layer], (position, layer))
        return {
            "basis": found.subspace.basis.tolist(),
            "dev_accuracies": found.dev_accuracies,
            "stopped": found.stopped,
        }

    found = stages.lines("INLP", [_key(place) for place in places], fit)
    fitted = Directions(
        model=model.name,
        difference=difference,
        harmless_mean=harmless[answered].double().mean(0).float(),
        positions=positions,
        inlp={
            place: Inlp(
                Subspace(torch.tensor(entry["basis"]), place[1], place[0], "INLP"),
                tuple(entry["dev_accuracies"]),
                entry["stopped"],
            )
            for place, entry in zip(places, found, strict=True)
        },
        dim_place=places[0],
        inlp_place=places[0],
        default_k=1,
        default_c=1.0,
        rendering=model.template.rendering,
    )
    return fitted, {"harmful": len(refused), "harmless": len(answered)}


def _train_scores(model: ChatModel, splits: PromptSplits, batch_size: int) -> dict[str, Tensor]:
    return {
        name: refusal_score(
            logits_under(
                model, model.render_all(texts, what=f"{name} prompt"), None, batch_size=batch_size
            ),
            model.opener_ids,
        )
        for name, texts in splits.train.items()
    }


def _choose_places(
    directions: Directions, bench: Bench, stages: Stages, n_train: int
) -> tuple[Directions, dict[str, Any]]:
    places = list(directions.inlp)
    few = bench.first(SCREENED)
    screening = stages.lines(
        "DiM places, first round",
        [_key(place) for place in places],
        lambda key: few.screen(directions, _place(key)),
    )
    screened = dict(zip(places, screening, strict=True))
    table = stages.lines(
        "DiM places, finalists",
        [_key(place) for place in finalists(screened)],
        lambda key: asdict(bench.score(directions, _place(key))),
    )
    scores = [Score(**entry) for entry in table]
    dim = choose(scores)
    leading = leading_places(directions.inlp, n_dev=2 * (n_train - int(0.8 * n_train)))
    flips = stages.lines(
        "INLP places",
        [_key(place) for place in leading],
        lambda key: {"flip": bench.flip_score(directions, _place(key))},
    )
    flip_scores = {place: entry["flip"] for place, entry in zip(leading, flips, strict=True)}
    chosen: Choice = choose_inlp(flip_scores, tried=len(places))
    record = {
        "dim_choice": asdict(dim),
        "inlp_choice": asdict(chosen),
        "dim_scores": as_rows(scores),
        "dim_screening": {_key(place): row for place, row in screened.items()},
        "inlp_scores": {_key(place): score for place, score in flip_scores.items()},
    }
    return replace(directions, dim_place=dim.place, inlp_place=chosen.place), record


def _map(
    model: ChatModel,
    directions: Directions,
    splits: PromptSplits,
    stages: Stages,
    batch_size: int,
) -> Maps:
    """Fit the maps on the training prompts; borderline ones, if any, are placed by the same fit."""
    position = directions.inlp_place[0]
    layers = range(1, model.n_layers)
    texts = dict(splits.train)
    if borderline := splits.test.get("borderline"):
        texts["borderline"] = borderline
    states = {
        name: found[:, directions.positions.index(position), 1:]
        for name, found in stages.tensors("activations", _never).items()
    }
    if borderline:
        states["borderline"] = stages.tensors(
            f"borderline activations, position {position}",
            lambda: {
                "states": capture_sets(
                    model,
                    {"borderline": borderline},
                    layers=layers,
                    positions=[position],
                    batch_size=batch_size,
                    progress=True,
                )["borderline"][:, 0].contiguous()
            },
        )["states"]
    return fit_maps(
        states,
        texts,
        model=model.name,
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=model.number_format.quantization,
        position=position,
        layers=tuple(layers),
        rendering=model.template.rendering,
        progress=True,
    )


def _never() -> dict[str, Tensor]:
    raise AssertionError("the activations were captured before the directions were fitted")


def _key(place: Place) -> str:
    return f"{place[0]},{place[1]}"


def _place(key: str) -> Place:
    position, layer = map(int, key.split(","))
    return position, layer
