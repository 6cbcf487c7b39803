"""Maps of the residual stream: PCA, UMAP and the harm axis map, and where a point lands on them.

Everything is fitted on the unedited activations of the training prompts, at one template position
and at the input of every block but the first; edited and new points are placed by the same fit.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from steering.chat_templates.rendering import PLAIN, Rendering
from steering.errors import SteeringError
from steering.interventions import tensor_checks
from steering.maps.clusters import CLASSES, Clusters
from steering.maps.layer_map import LayerMap, MapName, fit_layer
from steering.maps.map_points import OLD_NAMES, SHOWN, Points, shown
from steering.maps.neighbours import KeptComponents
from steering.models.chat_model import ChatModel
from steering.system.progress import stage

__all__ = ["LayerMap", "MapName", "Maps", "fit", "from_tensors", "tensors"]

MAPS_SCHEMA = 2
"""Raised whenever a reader of the old file would misread the new one. Schema 1, which is read as
well, had another name for the harm axis: `map_points.OLD_NAMES`."""


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one model at all layers.

    Attributes:
        model: Name of the model the activations come from.
        dtype: Number format of its residual stream, for example `bfloat16`.
        quantization: `none`, `nf4` or `int8`.
        position: Template position of the activations, -1 for the last template token.
        layers: Block indices that have maps, ascending.
        texts: The prompt of each point.
        labels: Its set: harmful, harmless (both fitted on), or borderline (only placed).
        charts: The maps of each layer.
        rendering: How the requests were rendered that they were fitted on.
    """

    model: str
    dtype: str
    quantization: str
    position: int
    layers: tuple[int, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    charts: tuple[LayerMap, ...]
    rendering: Rendering = PLAIN

    def __post_init__(self) -> None:
        """Refuse maps whose points, prompts and layers do not belong together."""
        if not self.charts or self.layers != tuple(chart.layer for chart in self.charts):
            raise ValueError(f"layers {self.layers} and the maps of them do not match")
        sizes = {len(self.texts), len(self.labels), *(len(c.coordinates) for c in self.charts)}
        if len(sizes) > 1:
            raise ValueError(f"texts, labels and points differ in number: {sorted(sizes)}")

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.charts[0].means.shape[1]

    def at(self, layer: int) -> LayerMap:
        """Return the maps at a layer.

        Raises:
            SteeringError: If there are none.
        """
        if layer not in self.layers:
            raise SteeringError(
                f"there is no map at layer {layer} of {self.model}; choose one of layers "
                f"{', '.join(map(str, self.layers))}; at layer 0 there is none, since every prompt "
                "has the same template token there"
            )
        return self.charts[self.layers.index(layer)]

    def require(self, model: ChatModel) -> None:
        """Check that these are the maps of a model; its number format is for `drift` to judge.

        Raises:
            SteeringError: If name, size or the template's mode differ.
        """
        self.rendering.require(model.template.rendering, what="maps", model=model.name)
        remedy = f"make its own with `python -m steering precompute --quick --model {model.name}`"
        for what, fitted, found in (
            ("model", self.model, model.name),
            ("d_model", self.d_model, model.d_model),
        ):
            if fitted != found:
                raise SteeringError(
                    f"the maps of {self.model} do not fit {model.name}: they were fitted on "
                    f"activations of {what} {fitted}, not {found}; {remedy}"
                )
        if model.n_layers <= self.layers[-1]:
            raise SteeringError(
                f"the maps of {self.model} do not fit {model.name}: they reach to layer "
                f"{self.layers[-1]}, it has blocks 0 to {model.n_layers - 1}; {remedy}"
            )

    @cached_property
    def points(self) -> Points:
        """Every prompt's place on every map, as a page shows them."""
        at = {
            name: torch.stack([chart.points[name] for chart in self.charts]).float().numpy()
            for name in self.charts[0].points
        }
        means = torch.stack([chart.means for chart in self.charts]).float().numpy()
        explained = torch.stack([chart.explained for chart in self.charts]).float().numpy()
        places = torch.stack([chart.coordinates for chart in self.charts]).float().numpy()
        return Points(
            model=self.model,
            layers=self.layers,
            texts=self.texts,
            **shown(at["pca"], self.labels, means, harm=at["harm"], umap=at.get("umap")),
            explained=explained[:, :SHOWN],
            kept=KeptComponents(places, explained.sum(-1), self.d_model),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the maps hold."""
        held, metadata = tensors(self)
        found = hashlib.sha256(metadata["maps"].encode())
        for name in sorted(held):
            found.update(held[name].contiguous().numpy().tobytes())
        return found.hexdigest()

    def warm_up(self) -> None:
        """Compile UMAP and restore it at every layer; takes seconds and blocks only who calls."""
        for chart in self.charts:
            if chart.has_umap:
                chart.umap(chart.means)


def fit(  # noqa: PLR0913 - activations and where they come from, all of it named
    states: Mapping[str, Float[Tensor, "_prompt layer d_model"]],
    texts: Mapping[str, Sequence[str]],
    *,
    model: str,
    dtype: str,
    quantization: str,
    position: int,
    layers: Sequence[int],
    rendering: Rendering = PLAIN,
    seed: int = 0,
    progress: bool = False,
) -> Maps:
    """Fit the maps of a model at every layer given.

    Args:
        states: Unedited activations of `harmful` and `harmless` training prompts, fitted on, and
            of `borderline` ones, if any, which are only placed.
        texts: Their prompts, by the same names.
        model: Name of the model.
        dtype: Number format of its residual stream.
        quantization: How its weights are held.
        position: Template position of the activations.
        layers: Block indices of the activations' second axis, ascending.
        rendering: How the requests were rendered.
        seed: Of UMAP's optimisation.
        progress: Report how far it is.

    Raises:
        SteeringError: If a class has fewer than 5 prompts, or a layer nothing to tell them by.
    """
    names = (*CLASSES, *(["borderline"] if "borderline" in states else []))
    charts: list[LayerMap] = []
    shown = stage("maps", len(layers), unit="layer") if progress else nullcontext()
    with shown as running:
        for index, layer in enumerate(layers):
            here = {name: states[name][:, index].float().cpu() for name in names}
            charts.append(fit_layer(layer, here, charts[-1] if charts else None, seed=seed))
            if running is not None:
                running.advance()
    return Maps(
        model=model,
        dtype=dtype,
        quantization=quantization,
        position=position,
        layers=tuple(layers),
        texts=tuple(text for name in names for text in texts[name]),
        labels=tuple(name for name in names for _ in texts[name]),
        charts=tuple(charts),
        rendering=rendering,
    )


_OWN = ("means", "rest", "coordinates", "harm_axis", "embedding")
_CLUSTERS = tuple(field.name for field in fields(Clusters))


def tensors(maps: Maps) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return what a safetensors file holds: tensors, layers on axis 0, and their metadata."""
    stacked = {name: torch.stack([getattr(c, name) for c in maps.charts]) for name in _OWN}
    stacked |= {
        f"clusters.{name}": torch.stack([getattr(c.clusters, name) for c in maps.charts])
        for name in _CLUSTERS
    }
    document = {"schema": MAPS_SCHEMA, **maps.rendering.as_dict()} | {
        field.name: getattr(maps, field.name)
        for field in fields(maps)
        if field.name not in ("charts", "rendering")
    }
    # One entry: safetensors writes several in random order, and files shall be the same each time.
    return stacked, {"maps": json.dumps(document, ensure_ascii=False)}


def from_tensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Maps:
    """Return the maps that `tensors()` took apart, to the last bit.

    Raises:
        SteeringError: If they are of another schema.
        KeyError, ValueError: If something is missing or does not fit together.
    """
    document = json.loads(metadata.get("maps", "{}"))
    if not isinstance(document, dict):
        raise ValueError("the metadata must be an object")  # noqa: TRY004 - of a file
    if document.get("schema") not in (1, MAPS_SCHEMA):
        raise SteeringError(
            f"the maps have schema {document.get('schema')}, this version reads schema "
            f"{MAPS_SCHEMA}; make them again with `python -m steering precompute`"
        )
    tensors = {OLD_NAMES.get(name, name): tensor for name, tensor in tensors.items()}
    tensor_checks.require_maps(document, tensors)
    labels = tuple(document["labels"])
    charts = tuple(
        LayerMap(
            layer=layer,
            clusters=Clusters(**{name: tensors[f"clusters.{name}"][index] for name in _CLUSTERS}),
            n_train=sum(label in CLASSES for label in labels),
            **{name: tensors[name][index] for name in _OWN},
        )
        for index, layer in enumerate(document["layers"])
    )
    return Maps(
        model=document["model"],
        dtype=document["dtype"],
        quantization=document["quantization"],
        position=document["position"],
        layers=tuple(document["layers"]),
        texts=tuple(document["texts"]),
        labels=labels,
        charts=charts,
        rendering=Rendering.of(document),
    )
