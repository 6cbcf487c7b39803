"""Fits a contrast: from two lists to directions and maps that every panel takes, within a minute.

Nothing is evaluated by answers: places and ranks come from held-out accuracy. The difference in
means is fitted at every layer, INLP, the tests and the maps at the layers that were chosen. UMAP is
left out unless it is asked for: the maps show principal components and the axis between the means.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.contrasts import findings as found_of
from steering.contrasts.findings import LayerFinding, Shortcut, corrected
from steering.contrasts.held_out import (
    FEWEST_SHUFFLES,
    accuracy_by_token,
    against_shuffles,
    interval,
)
from steering.contrasts.layer_fit import LayerFit, fit_at
from steering.contrasts.text_lists import TextLists
from steering.errors import SteeringError
from steering.fitting.control_fit import controls_of
from steering.inference.stepwise_states import read_states
from steering.interventions.class_definitions import LABEL
from steering.interventions.directions import Directions, difference_in_means
from steering.maps.clusters import CLASSES
from steering.maps.layer_map import LayerMap, fit_axes, fit_layer
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel
from steering.models.number_formats import short
from steering.system import threads
from steering.system.generators import retold
from steering.system.progress import Step

SPREAD_LAYERS: Final = 6
"""Layers that are taken where none are named (chosen: INLP and tests cost a second each)."""


@dataclass(frozen=True)
class ContrastSettings:
    """What a fit leaves to its user.

    Attributes:
        layers: Block inputs at which INLP, tests and maps are made; None for a few, spread.
        position: Template position, -1 for the last template token.
        batch_size: Prompts in a pass.
        umap: Whether the maps have a UMAP; it compiles for seconds.
    """

    layers: tuple[int, ...] | None = None
    position: int = -1
    batch_size: int = 16
    umap: bool = False

    def layers_of(self, model: ChatModel) -> tuple[int, ...]:
        """Return the layers, ascending.

        Raises:
            SteeringError: If one does not exist, or has no direction.
        """
        if self.layers is None:
            return spread(model.n_layers)
        last = model.n_layers - 1
        if not self.layers:
            raise SteeringError(f"no layer was named; choose some of 1 to {last}")
        for layer in self.layers:
            if not 1 <= layer <= last:
                raise SteeringError(
                    f"layer {layer} has no contrast: choose among layers 1 to {last} of "
                    f"{model.name}; at the input of block 0 all texts have the same template token"
                )
        return tuple(sorted(set(self.layers)))


@dataclass(frozen=True, eq=False)
class Contrast:
    """A contrast that was fitted on one model.

    Attributes:
        texts: The two lists.
        directions: What panels take; the first list stands for `harmful`, the second for
            `harmless`, and `class_names` has their names.
        maps: What maps and `t` take, at the layers of `findings`.
        findings: How well the lists are told apart, layer by layer.
        shortcuts: How well something trivial does it.
        seconds: What each stage took.
    """

    texts: TextLists
    directions: Directions
    maps: Maps
    findings: tuple[LayerFinding, ...]
    shortcuts: tuple[Shortcut, ...]
    seconds: Mapping[str, float]

    @property
    def separates(self) -> bool:
        """Whether the lists are told apart at one layer at least; see `findings.RULE`."""
        return any(each.separates for each in self.findings)

    @property
    def layer(self) -> int:
        """The block at whose input edits start."""
        return self.directions.inlp_layer

    @property
    def verdict(self) -> str:
        """What the contrast comes to, in a sentence."""
        return found_of.verdict(self.findings, self.texts.names, self.layer)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know before it is believed, in whole sentences."""
        said = found_of.warnings(self.shortcuts, self.findings, self.texts.names)
        return (*self.texts.notes, *said)


def spread(n_layers: int) -> tuple[int, ...]:
    """Return a few layers between .2 and .8 of the depth, where edits have an effect."""
    last = max(1, -(-8 * n_layers // 10) - 1)
    first = min(last, max(1, round(0.2 * n_layers)))
    steps = torch.linspace(first, last, SPREAD_LAYERS).round().int().tolist()
    return tuple(sorted(set(steps)))


def fit_contrast(
    model: ChatModel, texts: TextLists, settings: ContrastSettings | None = None
) -> Generator[Step, None, Contrast]:
    """Fit a contrast; yields how far it is, and returns what was found.

    Close the generator to stop: nothing is kept, and no hook is left on the model.

    Args:
        model: A loaded chat model; every pass takes `model.turn`.
        texts: What `text_lists` returned.
        settings: Layers, position, batch size; None for the usual ones.

    Returns:
        The contrast, as the value of the generator (`result = yield from fit_contrast(...)`, or
        `generators.returned`).

    Raises:
        SteeringError: If a text cannot be read, a layer or position does not exist, or all texts
            look the same to the model at a layer.
    """
    settings = settings or ContrastSettings()
    layers, watch = settings.layers_of(model), _Watch()
    rows = [
        *model.render_all(texts.first, what=texts.names[0]),
        *model.render_all(texts.second, what=texts.names[1]),
    ]
    yield Step("Reading the texts", 0, len(rows), "text")
    reading = read_states(model, rows, position=settings.position, batch_size=settings.batch_size)
    states = yield from retold(
        reading, lambda done: Step("Reading the texts", done, len(rows), "text")
    )
    watch.lap("reading")
    first, second = states[: texts.size], states[texts.size :]
    shuffles = max(FEWEST_SHUFFLES, 40 * len(layers) - 1)  # so that Holm can reach the level
    fits: list[LayerFit] = []
    for done, layer in enumerate(layers):
        yield Step("Telling the lists apart", done, len(layers), "layer")
        here = first[:, layer], second[:, layer]
        with threads.one_for_small_products():
            fits.append(fit_at((settings.position, layer), *here, shuffles=shuffles))
    findings = corrected([each.finding for each in fits])
    watch.lap("directions and controls")
    charts: list[LayerMap] = []
    fit_map = fit_layer if settings.umap else fit_axes
    for done, layer in enumerate(layers):
        yield Step("Drawing the maps", done, len(layers), "layer")
        classes = {"harmful": first[:, layer], "harmless": second[:, layer]}
        with threads.one_for_small_products():
            charts.append(fit_map(layer, classes, charts[-1] if charts else None))
    watch.lap("maps")
    directions = _directions(model, texts, states, fits, findings)
    watch.lap("matched controls")
    yield Step("Drawing the maps", len(layers), len(layers), "layer")
    return Contrast(
        texts=texts,
        directions=directions,
        maps=_maps(model, texts, settings.position, charts),
        findings=findings,
        shortcuts=_shortcuts(model, rows, texts.size),
        seconds=watch.seconds,
    )


class _Watch:
    """Seconds of stages that follow one another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._began = now - self._began, now


def _directions(
    model: ChatModel,
    texts: TextLists,
    states: Float[Tensor, "text layer d_model"],
    fits: Sequence[LayerFit],
    findings: Sequence[LayerFinding],
) -> Directions:
    at = {"harmful": states[: texts.size, None], "harmless": states[texts.size :, None]}
    layer = found_of.leading(findings, model.n_layers).layer
    chosen = next(each for each in fits if each.point[1] == layer)
    found = Directions(
        model=model.name,
        difference=difference_in_means(at["harmful"], at["harmless"]),
        harmless_mean=at["harmless"].double().mean(0).float(),
        positions=(chosen.point[0],),
        inlp={each.point: each.inlp for each in fits},
        dim_point=chosen.point,
        inlp_point=chosen.point,
        default_k=chosen.inlp.subspace.rank,
        default_c=1.0,
        rendering=model.template.rendering,
        dim_classes=LABEL,
        inlp_classes=LABEL,
        class_names=texts.names,
    )
    with threads.one_for_small_products():
        return replace(found, controls=controls_of(found, at))


def _maps(model: ChatModel, texts: TextLists, position: int, charts: Sequence[LayerMap]) -> Maps:
    return Maps(
        model=model.name,
        dtype=short(model.dtype),
        quantization=model.number_format.quantization,
        position=position,
        layers=tuple(chart.layer for chart in charts),
        texts=(*texts.first, *texts.second),
        labels=tuple(name for name in CLASSES for _ in range(texts.size)),
        charts=tuple(charts),
        rendering=model.template.rendering,
    )


def _shortcuts(
    model: ChatModel, rows: Sequence[Sequence[int]], size: int
) -> tuple[Shortcut, Shortcut]:
    lengths = torch.tensor([[float(len(row))] for row in rows])
    last = [row[-len(model.suffix) - 1] for row in rows]
    by_length = against_shuffles(lengths[:size], lengths[size:], shuffles=FEWEST_SHUFFLES).accuracy
    by_last = interval(accuracy_by_token(last[:size], last[size:]), 2 * size)
    return Shortcut("The number of tokens", by_length), Shortcut("The last token", by_last)
