"""The maps at one layer: PCA, harm axis and UMAP, all fitted on training activations.

PCA            the leading principal components of both classes together
harm axis      x is the landing coordinate t, y the first principal component of what is left:
               t(h) = (h - harmful mean) . axis / |axis|^2,  axis = harmless mean - harmful mean
UMAP           of the principal components, see `umap_layout`
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from torch import Tensor

from steering.errors import SteeringError
from steering.maps.clusters import CLASSES, Clusters, Landing, fit_clusters
from steering.maps.map_points import MapName as MapName
from steering.maps.umap_layout import Layout, fit_umap


@dataclass(frozen=True, eq=False)
class LayerMap:
    """The maps at one layer. Points are in the order of `Maps.texts`, the training prompts first.

    Attributes:
        layer: Block index, from 0; the maps show its input.
        means: Class means of all training prompts, harmful first, float32.
        rest: Unit vector of the harm axis map's y, orthogonal to the axis between the means.
        clusters: Principal components and class spread.
        coordinates: Principal components of every point.
        harm_axis: Every point on the harm axis map.
        embedding: Every point on the UMAP; none where that was left out.
        n_train: How many points the maps were fitted on; those behind them are borderline.
    """

    layer: int
    means: Float[Tensor, "2 d_model"]
    rest: Float[Tensor, " d_model"]
    clusters: Clusters
    coordinates: Float[Tensor, "point rank"]
    harm_axis: Float[Tensor, "point 2"]
    embedding: Float[Tensor, "embedded 2"]
    n_train: int

    @property
    def explained(self) -> Float[Tensor, " rank"]:
        """Share of the variance that each principal component explains."""
        return self.clusters.explained

    @property
    def points(self) -> dict[MapName, Tensor]:
        """Every prompt's place on each map there is: PCA in three dimensions, others in two."""
        found: dict[MapName, Tensor] = {"pca": self.coordinates[:, :3], "harm": self.harm_axis}
        return found | ({"umap": self.embedding} if self.has_umap else {})

    @property
    def has_umap(self) -> bool:
        """Whether there is a UMAP; where minutes count it is left out."""
        return bool(len(self.embedding))

    def axis(self) -> tuple[Float[Tensor, " d_model"], float]:
        """Return w and b of t = h . w + b."""
        harmful, harmless = self.means.double()
        # Rounded before b is taken, so that the harmful mean has t = 0 with this very w.
        w = ((harmless - harmful) / (harmless - harmful).square().sum()).float()
        return w, -float(harmful @ w.double())

    def t(self, states: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch"]:
        """Return the landing coordinate: 0 at the harmful mean, 1 at the harmless mean."""
        w, b = self.axis()
        return (self._checked(states) @ w.double() + b).float()

    def pca(self, states: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch 3"]:
        """Return places on the PCA map, in the units of the residual stream."""
        return self.clusters.coordinates(states)[..., :3]

    def harm(self, states: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch 2"]:
        """Return places on the harm axis map: t, and the coordinate on `rest`."""
        height = self._checked(states) @ self.rest.double()
        height = height - self.clusters.center.double() @ self.rest.double()
        return torch.stack([self.t(states), height.float()], dim=-1)

    def umap(self, states: Float[Tensor, "point d_model"]) -> Float[Tensor, "point 2"]:
        """Return places on the UMAP; the first call in a process compiles for some seconds.

        Raises:
            SteeringError: If it was left out.
        """
        if not self.has_umap:
            raise SteeringError(
                f"no UMAP was made at layer {self.layer}, only PCA and the axis between the class "
                "means; choose one of these"
            )
        return self._layout.place(self.clusters.coordinates(states))

    def land(self, states: Float[Tensor, "point d_model"]) -> list[Landing]:
        """Return where each point lies relative to both clusters."""
        distances = self.clusters.distances(states)
        outside = (distances > self.clusters.limits).all(dim=1)
        return [
            Landing(t, harmful, harmless, CLASSES[harmless < harmful], off)
            for t, (harmful, harmless), off in zip(
                self.t(states).tolist(), distances.tolist(), outside.tolist(), strict=True
            )
        ]

    @cached_property
    def _layout(self) -> Layout:
        trained = slice(self.n_train)
        return Layout(self.coordinates[trained], self.embedding[trained])

    def _checked(self, states: Tensor) -> Tensor:
        self.clusters.require_width(states)
        return states.cpu().double()


def fit_layer(
    layer: int,
    states: Mapping[str, Float[Tensor, "_ d_model"]],
    before: LayerMap | None = None,
    *,
    seed: int = 0,
) -> LayerMap:
    """Fit the maps at one layer.

    Args:
        layer: Block index.
        states: Unedited activations of `harmful` and `harmless` training prompts, then of
            `borderline` ones, if any, which are only placed.
        before: The maps of the layer before, fitted on the same prompts: the new ones are turned
            the same way, so that one can watch the clusters move from layer to layer.
        seed: Of UMAP's optimisation.

    Raises:
        SteeringError: If a class has fewer than 5 prompts, or both have the same mean.
    """
    size = sum(len(states[name]) for name in CLASSES)
    chart = fit_axes(layer, states, before)
    embedding = fit_umap(chart.coordinates[:size], seed=seed)
    if before:
        embedding = _turned(embedding, before.embedding[:size])
    borderline = Layout(chart.coordinates[:size], embedding).place(chart.coordinates[size:])
    return replace(chart, embedding=torch.cat([embedding, borderline]))


def fit_axes(
    layer: int,
    states: Mapping[str, Float[Tensor, "_ d_model"]],
    before: LayerMap | None = None,
) -> LayerMap:
    """Fit what `fit_layer` fits but the UMAP, whose points are left out.

    Raises:
        SteeringError: If a class has fewer than 5 prompts, or both have the same mean.
    """
    harmful, harmless = (states[name] for name in CLASSES)
    trained, points = torch.cat([harmful, harmless]), torch.cat(list(states.values()))
    size = len(trained)
    means = torch.stack([harmful.double().mean(0), harmless.double().mean(0)])
    axis = means[1] - means[0]
    if not axis.norm() > 1e-6 * means.norm():
        raise SteeringError(
            f"both classes have the same mean at layer {layer}, so there is no axis between them: "
            "at layer 0 every prompt has the same template token; fit maps from layer 1 on"
        )
    # At the first layer the harmless class is turned to the right.
    side = torch.cat([-torch.ones(len(harmful), 1), torch.ones(len(harmless), 1)])
    clusters = fit_clusters(harmful, harmless, before.coordinates[:size] if before else side)
    left = trained.double() - (trained.double() @ axis / axis.square().sum())[:, None] * axis
    rest = torch.from_numpy(PCA(1, svd_solver="full").fit(left.numpy()).components_[0])
    # Without their axis both classes have one mean, so at the first layer no class can say where up
    # is: scikit-learn's sign stays, by which the largest entry is positive on every machine.
    if before and (left - left.mean(0)) @ rest @ before.harm_axis[:size, 1].double() < 0:
        rest = -rest
    coordinates = clusters.coordinates(points)
    chart = LayerMap(
        layer=layer,
        means=means.float(),
        rest=rest.float(),
        clusters=clusters,
        coordinates=coordinates,
        harm_axis=coordinates[:, :2],
        embedding=torch.empty(0, 2),
        n_train=size,
    )
    return replace(chart, harm_axis=chart.harm(points))


def _turned(embedding: Tensor, before: Tensor) -> Tensor:
    """Turn, mirror and shift an embedding towards another one; to UMAP they are all the same."""
    here, there = embedding - embedding.mean(0), before - before.mean(0)
    turn, _ = orthogonal_procrustes(here.numpy(), there.numpy())
    return here @ torch.from_numpy(turn) + before.mean(0)
