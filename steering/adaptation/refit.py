"""The directions at the shipped points, fitted again on a model as it was loaded here.

Directions and maps are fitted in one number format and used in others. A refit at the same points,
on the same training prompts, says how much of them depends on the number format.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering.artifacts.evaluation_document import AgreementEntry
from steering.artifacts.provenance import fingerprint
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.defaults import BEHIND_BATCH
from steering.errors import SteeringError
from steering.fitting import fitted_on
from steering.fitting.candidates import train_scores
from steering.fitting.scoring import right_sign
from steering.inference.activations import capture_sets
from steering.interventions.class_definitions import LABEL
from steering.interventions.directions import Directions, difference_in_means
from steering.interventions.inlp import inlp
from steering.interventions.openers import opened
from steering.interventions.outline import inlp_points, within
from steering.interventions.subspace import Subspace
from steering.maps.clusters import CLASSES, ClassName
from steering.maps.layer_map import LayerMap, fit_axes
from steering.models.chat_model import ChatModel
from steering.models.fast_products import held_as
from steering.models.number_formats import short
from steering.sources.weights import cache_folder
from steering.system import whole_files

_SIGNS: Final = {"harmful": 1, "harmless": -1}
"""Of the refusal score of prompts that a model sorts rightly."""


@dataclass(frozen=True, eq=False)
class Refit:
    """What was fitted again at the points of given directions.

    Attributes:
        directions: The given ones with difference in means and INLP replaced at their own points
            (INLP's may be two); there is nothing at other points.
        kept: Training prompts a class behind the difference in means.
        states: The training prompts at INLP's point, by class.
    """

    directions: Directions
    kept: dict[str, int]
    states: dict[ClassName, Float[Tensor, "_ d_model"]]

    @cached_property
    def chart(self) -> LayerMap:
        """The maps at INLP's layer, fitted on these states; without UMAP, which no number reads."""
        states = {str(name): self.states[name] for name in CLASSES}
        return fit_axes(self.directions.inlp_layer, states)


def refit(
    model: ChatModel,
    directions: Directions,
    splits: PromptSplits,
    stages: Stages,
    *,
    batch_size: int = 16,
) -> Refit:
    """Fit difference in means and INLP again, at the points where `directions` has them.

    Args:
        model: A loaded chat model.
        directions: Say the points, and what else a panel needs.
        splits: The training prompts that they were fitted on.
        stages: Keeps the activations.
        batch_size: Prompts per forward pass.
    """
    (p_dim, l_dim), (p_inlp, l_inlp) = directions.dim_point, directions.inlp_point
    points = {directions.dim_point, *inlp_points(directions)}
    positions, layers = (sorted({point[which] for point in points}) for which in (0, 1))

    def activations() -> dict[str, Tensor]:
        return capture_sets(
            model, splits.train, layers=layers, positions=positions, batch_size=batch_size
        )

    captured = stages.tensors(f"refit activations {layers} {positions}", activations)
    scores = train_scores(opened(model, directions.openers), splits, stages, batch_size)
    by_dim, by_inlp = _prompts(directions, scores)

    def at(name: str, position: int, layer: int) -> Tensor:
        return captured[name][:, positions.index(position), layers.index(layer)]

    harmful, harmless = (at(name, p_dim, l_dim)[by_dim[name]] for name in CLASSES)
    states = {name: at(name, p_inlp, l_inlp) for name in CLASSES}
    found = {}
    for place in inlp_points(directions):
        pair = [at(name, *place)[by_inlp[name]] for name in CLASSES]
        found[place] = inlp(pair[0], pair[1], place)
    ranks = {place: each.subspace.rank for place, each in found.items()}
    point = directions.positions.index(p_dim), l_dim
    difference = torch.zeros_like(directions.difference)
    difference[point] = difference_in_means(harmful, harmless)
    means = torch.zeros_like(directions.difference)
    means[point] = harmless.double().mean(0).float()
    return Refit(
        directions=replace(
            directions,
            difference=difference,
            harmless_mean=means,
            inlp=found,
            default_k=min(directions.default_k, ranks[directions.inlp_point]),
            other=None,
            nullspace=within(directions.nullspace, ranks),
        ),
        kept={name: len(chosen) for name, chosen in by_dim.items()},
        states=states,
    )


_Kept = dict[str, Int[Tensor, " _kept"]]


def _prompts(directions: Directions, scores: Mapping[str, Tensor]) -> tuple[_Kept, _Kept]:
    """Return the prompts that difference in means and INLP of given directions were fitted on.

    Earlier versions fitted them on different ones: on all that the filter by refusal score left,
    and on all.
    """
    if directions.dim_classes != directions.inlp_classes:
        filtered = {name: right_sign(scores[name], sign) for name, sign in _SIGNS.items()}
        return filtered, {name: torch.arange(len(scores[name])) for name in _SIGNS}
    found = fitted_on.definitions(scores)
    # In this number format the model may refuse too few for the other definition.
    chosen = found.get(directions.inlp_classes or LABEL, found[LABEL])
    kept = {"harmful": chosen.harmful, "harmless": chosen.harmless}
    return kept, kept


def check_directions(
    model: ChatModel, directions: Directions, splits: PromptSplits
) -> AgreementEntry | None:
    """Return `agreement` of directions with a refit on the model as it was loaded here.

    Takes one pass over the training prompts the first time, then it is read from the cache. Few
    prompts share a pass: it is done behind the page, and whoever moves a slider waits for one.

    Args:
        model: A loaded chat model.
        directions: Directions that were fitted on the training prompts of `splits`.
        splits: The prompts.

    Returns:
        What `agreement` returns, and `n`, the training prompts of each class; None for directions
        without INLP.
    """
    if not directions.inlp:
        return None
    found = known_agreement(model, directions, splits)
    if found is None:
        stages = Stages.of(model, splits.source, "refit")
        again = refit(model, directions, splits, stages, batch_size=BEHIND_BATCH)
        n = {str(name): len(splits.train[name]) for name in CLASSES}
        found = {**agreement(directions, again.directions), "n": n}
        with suppress(SteeringError):  # without a cache it is measured again the next time
            whole_files.write_json(_path(model, directions, splits), found)
    return found


def known_agreement(
    model: ChatModel, directions: Directions, splits: PromptSplits
) -> AgreementEntry | None:
    """Return what `check_directions` found before, None where it never ran."""
    path = _path(model, directions, splits)
    try:
        return cast(AgreementEntry, dict(whole_files.read_json(path))) if path.is_file() else None
    except (SteeringError, TypeError, ValueError):
        return None


def _path(model: ChatModel, directions: Directions, splits: PromptSplits) -> Path:
    facts = [
        fingerprint(model),
        model.device.type,
        short(model.dtype),
        held_as(model.number_format),
        model.template.rendering.as_dict(),
        model.template.system,
        splits.source,
        directions.dim_point,
        directions.inlp_point,
        directions.default_k,
    ]
    digest = hashlib.sha256(json.dumps(facts).encode())
    digest.update(directions.raw(directions.dim_point).numpy().tobytes())
    if directions.inlp:
        subspace = directions.subspace("inlp", directions.inlp_point)
        digest.update(subspace.basis.contiguous().numpy().tobytes())
    return cache_folder() / "drift" / f"directions-{digest.hexdigest()[:24]}.json"


def agreement(one: Directions, other: Directions) -> AgreementEntry:
    """Return how alike two fits at the same points are, as JSON types.

    Returns:
        `dim_cosine`, of the differences in means; `dim_norm_ratio`, other to one; `inlp_cosine`,
        the root mean square cosine of the principal angles between the leading subspaces of the
        default rank (1: the same span, 0: orthogonal), `inlp_k`, that rank, and `inlp_ranks`, how
        many directions each fit has.
    """
    first, second = one.raw(one.dim_point), other.raw(one.dim_point)
    k = min(one.default_k, other.default_k)
    bases = [each.subspace("inlp", one.inlp_point) for each in (one, other)]
    return {
        "dim_cosine": float(torch.nn.functional.cosine_similarity(first, second, dim=0)),
        "dim_norm_ratio": float(second.norm() / first.norm()),
        "inlp_cosine": span_cosine(*(basis.leading(k) for basis in bases)),
        "inlp_k": k,
        "inlp_ranks": [basis.rank for basis in bases],
    }


def span_cosine(one: Subspace, other: Subspace) -> float:
    """Return the root mean square cosine of the principal angles between two subspaces."""
    overlaps = torch.linalg.svdvals(one.basis.double() @ other.basis.double().T)
    return float(overlaps.square().mean().sqrt())
