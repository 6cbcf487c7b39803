"""Fits the directions of a model everywhere, and its maps.

Each stage leaves its result in `Stages`, so that a run that was stopped goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.fitting import fitted_on, other_splits
from steering.fitting.fitted_on import ClassPrompts
from steering.fitting.point_keys import key_of, point_of
from steering.fitting.point_selection import candidates
from steering.inference.activations import capture_sets
from steering.inference.metrics import refusal_score
from steering.inference.next_token import logits_under
from steering.interventions.directions import (
    ClassFit,
    Directions,
    ExtractionPoint,
    difference_in_means,
)
from steering.interventions.inlp import Inlp, class_means, inlp
from steering.interventions.openers import OpenerTable, opened
from steering.interventions.outline import inlp_points
from steering.interventions.stability import Stability
from steering.interventions.subspace import Subspace
from steering.maps.model_maps import Maps
from steering.maps.model_maps import fit as fit_maps
from steering.models.chat_model import ChatModel
from steering.models.number_formats import short


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was fitted everywhere, and on what.

    Attributes:
        directions: No point chosen yet.
        prompts: The training prompts of the classes by each definition.
    """

    directions: Directions
    prompts: Mapping[str, ClassPrompts]

    @property
    def facts(self) -> dict[str, dict[str, int]]:
        """What a manifest says of the prompts."""
        size = self.prompts[str(self.directions.inlp_classes)].size
        return {
            "train_kept": {"harmful": size, "harmless": size},
            "train_classes": {name: each.size for name, each in self.prompts.items()},
        }


def fit_directions(
    model: ChatModel,
    splits: PromptSplits,
    stages: Stages,
    batch_size: int,
    openers: OpenerTable | None = None,
    *,
    classes: str = "auto",
) -> Fitted:
    """Fit difference in means and INLP everywhere, by each definition of the classes.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        stages: Keep activations, scores and fits.
        batch_size: Prompts per forward pass.
        openers: What the refusal score is read by; None for the model's own openers.
        classes: The definition that edits take by default; see `fitted_on.default`.

    Raises:
        SteeringError: If there is no such definition.
    """
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
    scores = train_scores(opened(model, openers), splits, stages, batch_size)
    prompts = fitted_on.definitions(scores)
    own = fitted_on.default(prompts, classes)
    points = candidates(positions, model.n_layers)
    fits = {
        name: class_fit(name, states, chosen, points, positions, stages)
        for name, chosen in sorted(prompts.items(), key=lambda each: each[0] != own)
    }
    first, *others = fits.values()
    fitted = Directions(
        model=model.name,
        difference=first.difference,
        harmless_mean=first.harmless_mean,
        positions=positions,
        inlp=first.inlp,
        dim_point=points[0],
        inlp_point=points[0],
        default_k=1,
        default_c=1.0,
        rendering=model.template.rendering,
        openers=openers,
        dim_classes=own,
        inlp_classes=own,
        other=others[0] if others else None,
    )
    return Fitted(fitted, prompts)


def class_fit(
    name: str,
    states: Mapping[str, Tensor],
    chosen: ClassPrompts,
    points: Sequence[ExtractionPoint],
    positions: Sequence[int],
    stages: Stages,
) -> ClassFit:
    """Fit difference in means and INLP by one definition of the classes.

    Args:
        name: Of the definition.
        states: Activations of all training prompts, [prompt, position, layer, d_model] by class.
        chosen: The prompts that stand for the classes.
        points: Where INLP is fitted.
        positions: Of the activations.
        stages: Keep what INLP finds, point by point.
    """
    harmful, harmless = states["harmful"][chosen.harmful], states["harmless"][chosen.harmless]
    named = f"{name} {chosen.digest}"

    def classes_at(point: ExtractionPoint) -> tuple[Tensor, Tensor]:
        index, layer = positions.index(point[0]), point[1]
        return harmful[:, index, layer], harmless[:, index, layer]

    def found_at(point: ExtractionPoint) -> Inlp:
        return inlp(*classes_at(point), point)

    def basis(point: ExtractionPoint, found: Inlp | None = None) -> Tensor:
        def compute() -> dict[str, Tensor]:
            return {"basis": (found or found_at(point)).subspace.basis}

        stage = f"INLP basis, five splits, {named}, {key_of(point)}"
        return stages.tensors(stage, compute)["basis"]

    def fit(key: str) -> dict[str, Any]:
        found = found_at(point_of(key))
        basis(point_of(key), found)
        return {
            "dev_accuracies": found.dev_accuracies,
            "stopped": found.stopped,
            "cross_validated": found.cross_validated,
        }

    stage = f"INLP fits, five splits, {named}"
    found = stages.lines(stage, [key_of(point) for point in points], fit)
    return ClassFit(
        classes=name,
        difference=difference_in_means(harmful, harmless),
        harmless_mean=harmless.double().mean(0).float(),
        inlp={
            point: Inlp(
                Subspace(basis(point), point[1], point[0], "INLP"),
                tuple(entry["dev_accuracies"]),
                entry["stopped"],
                class_means(*classes_at(point)),
                tuple(entry["cross_validated"]),
            )
            for point, entry in zip(points, found, strict=True)
        },
    )


def with_stability(directions: Directions, fitted: Fitted, stages: Stages) -> Directions:
    """Return directions that know how alike INLP's at the chosen points come out in other splits.

    Args:
        directions: Those of `fitted`, with their points.
        fitted: What `fit_directions` returned.
        stages: Hold the activations.
    """
    known = replace(directions, inlp=_stable(directions, fitted, stages))
    if directions.other is None:
        return known
    inlp_of_other = _stable(directions.of(directions.other.classes), fitted, stages)
    return replace(known, other=replace(directions.other, inlp=inlp_of_other))


def _stable(
    directions: Directions, fitted: Fitted, stages: Stages
) -> Mapping[ExtractionPoint, Inlp]:
    name = str(directions.inlp_classes)
    chosen = fitted.prompts[name]
    states = stages.tensors("activations", _never)

    def fit(key: str) -> dict[str, Any]:
        position, layer = point = point_of(key)
        index = directions.positions.index(position)
        harmful = states["harmful"][chosen.harmful][:, index, layer]
        harmless = states["harmless"][chosen.harmless][:, index, layer]
        again = other_splits.stability(harmful, harmless, point, directions.inlp[point])
        return {"ranks": again.ranks, "overlaps": again.overlaps} if again else {}

    points = [point for point in inlp_points(directions) if point in directions.inlp]
    keys = [key_of(point) for point in points]
    entries = stages.lines(f"INLP in other splits, {name} {chosen.digest}", keys, fit)
    found = dict(directions.inlp)
    for point, entry in zip(points, entries, strict=True):
        if entry:
            stability = Stability(tuple(entry["ranks"]), tuple(entry["overlaps"]))
            found[point] = replace(found[point], stability=stability)
    return found


def train_scores(
    model: ChatModel, splits: PromptSplits, stages: Stages, batch_size: int
) -> dict[str, Tensor]:
    """Return the unedited model's refusal score of every training prompt, by class.

    They are kept for the openers that the model reads it by.
    """

    def scores() -> dict[str, Tensor]:
        return {
            name: refusal_score(
                logits_under(
                    model,
                    model.render_all(texts, what=f"{name} prompt"),
                    None,
                    batch_size=batch_size,
                ),
                model.opener_ids,
            )
            for name, texts in splits.train.items()
        }

    return stages.tensors(f"scores by {'-'.join(map(str, model.openers.values()))}", scores)


def fit_maps_of(
    model: ChatModel,
    directions: Directions,
    splits: PromptSplits,
    stages: Stages,
    batch_size: int,
) -> Maps:
    """Fit the maps on the training prompts; borderline ones, if any, are placed by the same fit."""
    position = directions.inlp_point[0]
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
        rendering=model.template.rendering,
        progress=True,
    )


def _never() -> dict[str, Tensor]:
    raise AssertionError("the activations were captured before the directions were fitted")
