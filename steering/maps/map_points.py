"""The points of a model's maps as numpy arrays: what there is to look at before torch is there."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NotRequired, TypedDict

import numpy as np
from jaxtyping import Float
from safetensors import safe_open

from steering.maps import pca_view
from steering.maps.neighbours import KeptComponents
from steering.maps.pca_view import PcaView

MapName = Literal["harm", "pca", "umap"]
"""`harm`: t and what varies most besides; `pca`: principal components, as `pca_view` shows them."""
OLD_NAMES: Final = {"discriminant": "harm_axis"}
"""Tensors that maps of schema 1 had under another name: the axis is the difference in means."""
FILE: Final = "maps.safetensors"
"""Name of the maps in a model's artifact."""
SHOWN: Final = 3
"""Principal components that are shown: those of the map in space."""
PLACES_VERSION: Final = 1
"""Of the places in `recordings.jsonl`; raised whenever a reader of old ones would misread new ones.
"""


class MarkerTokens(TypedDict):
    """A panel's tokens on the map: `t` by layer, then token; see `markers.landed`."""

    texts: list[str]
    t: list[list[float]]
    template: int
    answer: int
    read: int


class MarkerPlaces(TypedDict):
    """Where a request lies, with a value a layer; see `markers.landed`.

    `pca` has three columns, the components themselves, and `umap`, of recordings only, two.
    """

    pca: list[list[float]]
    y: list[float]
    t: list[float]
    to_harmful: list[float]
    to_harmless: list[float]
    nearest: list[str]
    outside: list[bool]
    umap: NotRequired[list[list[float]]]


class Marker(MarkerPlaces):
    """The same of the panel with that text `form`, and its tokens."""

    form: str
    tokens: MarkerTokens


class RecordedPlaces(TypedDict):
    """Where a recorded request lies: the version, SHA-256 of the maps, a marker a panel."""

    version: int
    maps: str
    panels: list[Marker]


@dataclass(frozen=True, eq=False)
class Points:
    """Every prompt's place on every map, at every layer.

    Attributes:
        model: Name of the model.
        layers: Block indices that have maps, ascending.
        texts: The prompt of each point.
        labels: Its set: harmful, harmless, or borderline.
        at: The places, by map: PCA in three dimensions, turned as `view` says, the others in two;
            without `umap` where it was not made.
        view: How principal components are shown.
        explained: Share of the variance that each of three principal components explains.
        digest: SHA-256 of the maps' file, by which recordings know them; empty for maps that are
            in no file.
        kept: All components that the maps keep of each prompt; None where only these places are
            known.
    """

    model: str
    layers: tuple[int, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    at: Mapping[MapName, Float[np.ndarray, "layer point _"]]
    view: PcaView
    explained: Float[np.ndarray, "layer _"]
    digest: str = ""
    kept: KeptComponents | None = None


def read(path: Path) -> Points:
    """Read the points of maps that `store.write_maps` wrote.

    Raises:
        OSError, SafetensorError, KeyError, ValueError: If they are not there or broken.
    """
    with safe_open(path, "numpy") as file:
        metadata = json.loads((file.metadata() or {})["maps"])
        document = json.loads(metadata["maps"])
        coordinates = file.get_tensor("coordinates")
        embedding, means = (file.get_tensor(name) for name in ("embedding", "means"))
        held = set(file.keys())
        (name,) = held & {"harm_axis", *OLD_NAMES}
        harm = file.get_tensor(name)
        explained = file.get_tensor("clusters.explained")
    return Points(
        model=document["model"],
        layers=tuple(document["layers"]),
        texts=tuple(document["texts"]),
        **shown(
            coordinates[:, :, :SHOWN],
            document["labels"],
            means,
            harm=harm,
            umap=embedding if embedding.size else None,
        ),
        explained=explained[:, :SHOWN],
        digest=digest(path),
        kept=KeptComponents(coordinates, explained.sum(-1), means.shape[-1]),
    )


class _Shown(TypedDict):
    labels: tuple[str, ...]
    at: Mapping[MapName, Float[np.ndarray, "layer point _"]]
    view: PcaView


def shown(
    components: Float[np.ndarray, "layer point 3"],
    labels: Sequence[str],
    means: Float[np.ndarray, "layer 2 d_model"],
    *,
    harm: Float[np.ndarray, "layer point 2"],
    umap: Float[np.ndarray, "layer point 2"] | None,
) -> _Shown:
    """Return what `Points` says of places that are stored in principal components."""
    view = pca_view.fit(components, labels, means)
    pca = np.stack([view.shown(index, each) for index, each in enumerate(components)])
    at: dict[MapName, Float[np.ndarray, "layer point _"]] = {"pca": pca, "harm": harm}
    return {
        "labels": tuple(labels),
        "at": at | ({} if umap is None else {"umap": umap}),
        "view": view,
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of the maps' file, by which recordings know them."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
