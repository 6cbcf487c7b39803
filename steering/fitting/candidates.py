"""Fits the directions of a model everywhere, and its maps.

Each stage leaves its result in `Stages`, so that a run that was stopped goes on where it was.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.fitting import other_splits
from steering.fitting.point_selection import candidates
from steering.fitting.scoring import right_sign
from steering.inference.activations import capture_sets
from steering.inference.metrics import refusal_score
from steering.inference.next_token import logits_under
from steering.interventions.directions import Directions, ExtractionPoint, difference_in_means
from steering.interventions.inlp import Inlp, class_means, inlp
from steering.interventions.openers import OpenerTable, opened
from steering.interventions.stability import Stability
from steering.interventions.subspace import Subspace
from steering.maps.model_maps import Maps
from steering.maps.model_maps import fit as fit_maps
from steering.models.chat_model import ChatModel
from steering.models.number_formats import short


def fit_directions(
    model: ChatModel,
    splits: PromptSplits,
    stages: Stages,
    batch_size: int,
    openers: OpenerTable | None = None,
) -> tuple[Directions, dict[str, int]]:
    """Fit difference in means and INLP everywhere.

    Args:
        model: A loaded chat model.
        splits: The prompts.
        stages: Keep activations, scores and fits.
        batch_size: Prompts per forward pass.
        openers: What the refusal score is read by; None for the model's own openers.

    Returns:
        The directions, no point chosen yet, and the prompts a class behind the difference.
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
    harmful, harmless = states["harmful"], states["harmless"]
    scores = train_scores(opened(model, openers), splits, stages, batch_size)
    refused = right_sign(scores["harmful"], 1)
    answered = right_sign(scores["harmless"], -1)
    difference = difference_in_means(harmful[refused], harmless[answered])
    points = candidates(positions, model.n_layers)

    def classes_at(point: ExtractionPoint) -> tuple[Tensor, Tensor]:
        index, layer = positions.index(point[0]), point[1]
        return harmful[:, index, layer], harmless[:, index, layer]

    def found_at(point: ExtractionPoint) -> Inlp:
        return inlp(*classes_at(point), point)

    def basis(point: ExtractionPoint, found: Inlp | None = None) -> Tensor:
        def compute() -> dict[str, Tensor]:
            return {"basis": (found or found_at(point)).subspace.basis}

        return stages.tensors(f"INLP basis, five splits, {key_of(point)}", compute)["basis"]

    def fit(key: str) -> dict[str, Any]:
        found = found_at(point_of(key))
        basis(point_of(key), found)
        return {
            "dev_accuracies": found.dev_accuracies,
            "stopped": found.stopped,
            "cross_validated": found.cross_validated,
        }

    found = stages.lines("INLP fits, five splits", [key_of(point) for point in points], fit)
    fitted = Directions(
        model=model.name,
        difference=difference,
        harmless_mean=harmless[answered].double().mean(0).float(),
        positions=positions,
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
        dim_point=points[0],
        inlp_point=points[0],
        default_k=1,
        default_c=1.0,
        rendering=model.template.rendering,
        openers=openers,
    )
    return fitted, {"harmful": len(refused), "harmless": len(answered)}


def with_stability(directions: Directions, stages: Stages) -> Directions:
    """Return directions that know how alike INLP's at the chosen point come out in other splits.

    Args:
        directions: Fitted by `fit_directions`, with their point.
        stages: Hold the activations.
    """
    point = directions.inlp_point
    states = stages.tensors("activations", _never)
    index = directions.positions.index(point[0])
    harmful, harmless = (states[name][:, index, point[1]] for name in ("harmful", "harmless"))
    found = directions.inlp[point]

    def fit(_key: str) -> dict[str, Any]:
        again = other_splits.stability(harmful, harmless, point, found)
        return {"ranks": again.ranks, "overlaps": again.overlaps} if again else {}

    (entry,) = stages.lines("INLP in other splits", [key_of(point)], fit)
    if not entry:
        return directions
    stability = Stability(tuple(entry["ranks"]), tuple(entry["overlaps"]))
    return replace(directions, inlp={**directions.inlp, point: replace(found, stability=stability)})


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


def key_of(point: ExtractionPoint) -> str:
    """Return a point as the key of a stage's line."""
    return f"{point[0]},{point[1]}"


def point_of(key: str) -> ExtractionPoint:
    """Return the point that `key_of` made a key of."""
    position, layer = map(int, key.split(","))
    return position, layer
