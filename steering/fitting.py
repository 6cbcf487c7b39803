"""Fits the directions of a model, chooses where they are taken, and fits its maps.

Each stage leaves its result in `Stages`, so that a run that was stopped goes on where it was.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor

from steering.activations import capture_sets
from steering.directions import Directions, Inlp, Place, difference_in_means, inlp
from steering.maps import Maps
from steering.maps import fit as fit_maps
from steering.metrics import refusal_score
from steering.model import ChatModel
from steering.number_formats import short
from steering.scoring import Bench, Score, logits_under, right_sign
from steering.selection import (
    FINALISTS,
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
from steering.starts import CHOICE_TOKENS
from steering.subspace import Subspace


@dataclass(frozen=True)
class Effort:
    """How much work goes into choosing places, rank and coefficient; fitting is always the same.

    Attributes:
        places: Places that are screened at most, evenly spaced in all of them; None for all.
        screened: Prompts of each class in the first round.
        finalists: Places that go on to the second round.
        validation: Prompts of each class in the second round, at most; None for all.
        answered: Validation prompts that are answered to choose rank and coefficient; None for all.
        tokens: Length of these answers.
    """

    places: int | None = None
    screened: int = SCREENED
    finalists: int = FINALISTS
    validation: int | None = None
    answered: int | None = None
    tokens: int = CHOICE_TOKENS


FULL: Final = Effort()
QUICK: Final = Effort(places=30, screened=6, finalists=3, validation=16, answered=12, tokens=20)
"""Ten minutes for the default model on two cores without bfloat16 instructions (chosen)."""


def fit_directions(
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
    scores = stages.tensors("scores", lambda: train_scores(model, splits, batch_size))
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
    )
    return fitted, {"harmful": len(refused), "harmless": len(answered)}


def train_scores(model: ChatModel, splits: PromptSplits, batch_size: int) -> dict[str, Tensor]:
    """Return the unedited model's refusal score of every training prompt, by class."""
    return {
        name: refusal_score(
            logits_under(
                model, [model.render(text) for text in texts], None, batch_size=batch_size
            ),
            model.opener_ids,
        )
        for name, texts in splits.train.items()
    }


def choose_places(
    directions: Directions,
    bench: Bench,
    stages: Stages,
    n_train: int,
    effort: Effort = FULL,
) -> tuple[Directions, dict[str, Any]]:
    """Choose where difference in means and INLP are taken, by the rules of `selection`.

    Args:
        directions: Fitted everywhere, no place chosen yet.
        bench: Validation prompts.
        stages: Keeps the scores.
        n_train: Training prompts of the smaller class, which say how large INLP's dev set was.
        effort: How many places and prompts take part.

    Returns:
        The directions with their places, and all scores as JSON types.
    """
    places = _spaced(list(directions.inlp), effort.places)
    few = bench.first(effort.screened)
    screening = stages.lines(
        "DiM places, first round",
        [_key(place) for place in places],
        lambda key: few.screen(directions, _place(key)),
    )
    screened = dict(zip(places, screening, strict=True))
    if effort.validation is not None:
        bench = bench.first(effort.validation)
    table = stages.lines(
        "DiM places, finalists",
        [_key(place) for place in finalists(screened, effort.finalists)],
        lambda key: asdict(bench.score(directions, _place(key))),
    )
    scores = [Score(**entry) for entry in table]
    dim = choose(scores)
    n_dev = 2 * (n_train - int(0.8 * n_train))
    leading = _spaced(leading_places(directions.inlp, n_dev=n_dev), effort.places)
    flips = stages.lines(
        "INLP places",
        [_key(place) for place in leading],
        lambda key: {"flip": bench.flip_score(directions, _place(key))},
    )
    flip_scores = {place: entry["flip"] for place, entry in zip(leading, flips, strict=True)}
    chosen: Choice = choose_inlp(flip_scores, tried=len(directions.inlp))
    record = {
        "dim_choice": asdict(dim),
        "inlp_choice": asdict(chosen),
        "dim_scores": as_rows(scores),
        "dim_screening": {_key(place): row for place, row in screened.items()},
        "inlp_scores": {_key(place): score for place, score in flip_scores.items()},
    }
    return replace(directions, dim_place=dim.place, inlp_place=chosen.place), record


def _spaced(places: list[Place], at_most: int | None) -> list[Place]:
    if at_most is None or len(places) <= at_most:
        return places
    return [places[index * len(places) // at_most] for index in range(at_most)]


def fit_maps_of(
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
        dtype=short(model.dtype),
        quantization=model.number_format.quantization,
        position=position,
        layers=tuple(layers),
        progress=True,
    )


def _never() -> dict[str, Tensor]:
    raise AssertionError("the activations were captured before the directions were fitted")


def _key(place: Place) -> str:
    return f"{place[0]},{place[1]}"


def _place(key: str) -> Place:
    position, layer = map(int, key.split(","))
    return position, layer
