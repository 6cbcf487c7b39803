"""Harm is not refusal: two axes, where test prompts lie on them, and what each axis tells.

`harm_axes` says how the axes are found. Everything here is measured on test prompts, which neither
fitted nor chose anything.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch

from steering.anatomy import harm_axes
from steering.anatomy.harm_axes import ReadRequests
from steering.anatomy.separation import auc, auc_interval, correlation_interval
from steering.artifacts.harm_document import (
    HARM_SCHEMA,
    AxisEntry,
    HarmDocument,
    HarmPoint,
    RandomReach,
    SeparationEntry,
    reach,
)
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.intervals import IntervalEntry
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

AXIS_NAMES: Final = ("harm", "refusal")
RANDOM_DIRECTIONS: Final = range(20)
"""Seeds of the random directions beside each axis (chosen)."""


def placed(axes: Mapping[str, AxisEntry], read: ReadRequests) -> np.ndarray:
    """Return where requests lie on both axes: [prompt, axis]."""
    return np.stack(
        [
            harm_axes.along(axes[name], read.states[:, place, axes[name]["layer"]])
            for place, name in enumerate(AXIS_NAMES)
        ],
        axis=1,
    )


def document(steerable: SteerableModel, splits: PromptSplits, stages: Stages) -> HarmDocument:
    """Measure everything but the reply inversion.

    Args:
        steerable: A loaded chat model with its directions, whose openers tell refusals.
        splits: Axes are fitted on `train`, their layers chosen on `validation`.
        stages: Keeps what was read, so that a stopped run goes on.

    Raises:
        SteeringError: If the model refuses, or answers, too few training prompts.
    """
    model = steerable.model
    train = _read_sets(model, splits.train, "train", stages)
    validation = _read_sets(model, splits.validation, "validation", stages)
    axes = fitted_axes(model, train, validation)
    test = _read_sets(model, splits.test, "test", stages)
    points: list[HarmPoint] = []
    for name, read in test.items():
        for text, (harm, refusal), score in zip(
            splits.test[name], placed(axes, read), read.scores.tolist(), strict=True
        ):
            points.append(
                {
                    "set": name,
                    "prompt": text,
                    "harm": round(float(harm), 4),
                    "refusal": round(float(refusal), 4),
                    "refused": score > 0,
                    "score": round(score, 4),
                }
            )
    return {
        "schema": HARM_SCHEMA,
        "model": model.name,
        "axes": axes,
        "points": points,
        "separations": _separations(points, axes, test),
        "correlations": _correlations(points),
    }


def fitted_axes(
    model: ChatModel, train: Mapping[str, ReadRequests], validation: Mapping[str, ReadRequests]
) -> dict[str, AxisEntry]:
    """Return both axes, each at the first layer that tells validation prompts as well as the best.

    Harm is told from label; refusal within each label, so that harm does not choose its layer.
    """
    labels = [name for name, read in validation.items() for _ in read.scores]
    states = torch.cat([read.states for read in validation.values()])
    opens = [score > 0 for read in validation.values() for score in read.scores.tolist()]
    instruction, template = harm_axes.places(model)
    return {
        "harm": harm_axes.chosen_axis(
            harm_axes.harm_means(train),
            instruction,
            states[:, 0],
            [label == "harmful" for label in labels],
        ),
        "refusal": harm_axes.chosen_axis(
            harm_axes.refusal_means(train), template, states[:, 1], opens, labels
        ),
    }


def _read_sets(
    model: ChatModel, sets: Mapping[str, Sequence[str]], split: str, stages: Stages
) -> dict[str, ReadRequests]:
    found = {}
    for name, texts in sets.items():

        def read(texts: Sequence[str] = texts, name: str = name) -> dict[str, torch.Tensor]:
            made = harm_axes.read_requests(model, texts, f"{name} prompt")
            return {"states": made.states, "scores": made.scores}

        tensors = stages.tensors(f"harm {split} {name} {len(texts)}", read)
        found[name] = ReadRequests(tensors["states"], tensors["scores"])
    return found


def _separations(
    points: Sequence[HarmPoint], axes: Mapping[str, AxisEntry], test: Mapping[str, ReadRequests]
) -> list[SeparationEntry]:
    """Return how well each axis tells harm, and refusal, alone and with the other held equal.

    Borderline prompts are left out: whether they are harmful is what is asked of them.
    """
    kept = [index for index, point in enumerate(points) if point["set"] != "borderline"]
    sets = np.array([points[index]["set"] for index in kept])
    opens = np.array([points[index]["refused"] for index in kept])
    truths = {"harm": sets == "harmful", "refusal": opens}
    strata = {"harm": opens, "refusal": sets}
    states = torch.cat([read.states for read in test.values()])[kept]
    found: list[SeparationEntry] = []
    for place, axis in enumerate(AXIS_NAMES):
        seen = states[:, place, axes[axis]["layer"]].double().numpy()
        values = np.array([points[index]["harm" if place == 0 else "refusal"] for index in kept])
        for told in AXIS_NAMES:
            for within in (False, True):
                held = strata[told] if within else None
                interval = auc_interval(values, truths[told], held)
                found.append(
                    {
                        "told": told,
                        "axis": axis,
                        "within": within,
                        "auc": interval.entry(len(kept)) if interval else None,
                        "random": _chance(seen, truths[told], held),
                    }
                )
    return found


def _chance(
    states: np.ndarray, positive: np.ndarray, strata: np.ndarray | None
) -> RandomReach | None:
    """Return what random directions tell at the same place, each turned to its better side."""
    reached = []
    for seed in RANDOM_DIRECTIONS:
        drawn = np.random.default_rng(seed).standard_normal(states.shape[1])
        value = auc(states @ drawn, positive, strata)
        if value is not None:
            reached.append(max(value, 1 - value))
    return reach(reached)


def _correlations(points: Sequence[HarmPoint]) -> dict[str, IntervalEntry]:
    found = {}
    for name in dict.fromkeys(point["set"] for point in points):
        pairs = np.array([(p["harm"], p["refusal"]) for p in points if p["set"] == name])
        if len(pairs) > 2:
            interval = correlation_interval(pairs[:, 0], pairs[:, 1])
            found[name] = interval.entry(len(pairs))
    return found
