"""Directions of a tiny model, fitted on the few requests of `families`."""

from collections.abc import Iterable, Mapping

import torch

from steering.interventions.directions import Directions, ExtractionPoint, difference_in_means
from steering.interventions.inlp import inlp
from steering.models.chat_model import ChatModel


def fit_directions(
    model: ChatModel,
    states: Mapping[str, torch.Tensor],
    points: Iterable[ExtractionPoint],
    *,
    dim_point: ExtractionPoint,
    inlp_point: ExtractionPoint,
    k: int = 2,
    c: float = 1.5,
) -> Directions:
    """Fit the difference in means everywhere and INLP at some points, no selection.

    Args:
        model: Whose states they are.
        states: What `capture_sets` returned, all layers, at the last positions.
        points: Where INLP is fitted.
        dim_point: Where the difference in means is taken.
        inlp_point: Which point of INLP is used.
        k: Starting rank.
        c: Starting coefficient.
    """
    harmful, harmless = states["harmful"], states["harmless"]
    return Directions(
        model=model.name,
        difference=difference_in_means(harmful, harmless),
        harmless_mean=harmless.double().mean(0).float(),
        positions=tuple(range(-harmful.shape[1], 0)),
        inlp={
            (position, layer): inlp(
                harmful[:, position, layer],
                harmless[:, position, layer],
                (position, layer),
                # A random model's classes are told apart by chance, and edits need a few of them.
                at_least=k + 1,
            )
            for position, layer in points
        },
        dim_point=dim_point,
        inlp_point=inlp_point,
        default_k=k,
        default_c=c,
        dim_classes="label",
        inlp_classes="label",
    )
