"""Where requests in any wording lie on what was fitted on English prompts.

Three things are read, each at its own token and block input: the place along the difference in
means (1 and -1 at the means of harmful and harmless training prompts), that along INLP's first
direction, and the place on the map of principal components.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.inference.activations import capture
from steering.interventions.outline import ExtractionPoint
from steering.maps.layer_map import LayerMap
from steering.maps.steerable_model import SteerableModel

PAIR_SETS: Final = ("harmful", "harmless")


@dataclass(frozen=True, eq=False)
class EnglishGround:
    """The English directions and map of one model.

    Attributes:
        units: Unit vector of each direction, towards harmful: `dim`, and `inlp` where it was found.
        points: Position and layer at which each is read; `map` where there is a map.
        middle: Halfway between the class means along `dim`.
        half: Half their distance.
        chart: The map at the layer where INLP's directions edit; None where there is none.
        steerable: Whose they are.
    """

    units: Mapping[str, Float[Tensor, " d_model"]]
    points: Mapping[str, ExtractionPoint]
    middle: float
    half: float
    chart: LayerMap | None
    steerable: SteerableModel

    @classmethod
    def of(cls, steerable: SteerableModel) -> "EnglishGround":
        """Return what a model's directions and maps say.

        Raises:
            SteeringError: If only a difference is known, without the means that it is between.
        """
        directions, maps = steerable.directions, steerable.maps
        raw = directions.raw(directions.dim_point).double()
        unit = raw / raw.norm()
        units, points = {"dim": unit}, {"dim": directions.dim_point}
        if directions.inlp:
            first = directions.subspace("inlp", directions.inlp_point).basis[0].double()
            means = directions.inlp[directions.inlp_point].means
            towards = (
                directions.raw(directions.inlp_point) if means is None else means[0] - means[1]
            )
            # A classifier's direction has no sign of its own; that of its training means counts.
            units["inlp"] = first if float(first @ towards.double()) >= 0 else -first
            points["inlp"] = directions.inlp_point
        chart = None
        layer = directions.inlp_point[1]
        if maps is not None and layer in maps.layers:
            points["map"] = (maps.position, layer)
            chart = maps.at(layer)
        middle = directions.midpoint("dim", directions.dim_point).double()
        return cls(units, points, float(middle @ unit), float(raw.norm()) / 2, chart, steerable)

    def read(
        self, rows: Sequence[Sequence[int]], *, progress: bool = False
    ) -> dict[str, Float[Tensor, "prompt d_model"]]:
        """Return the untouched states of rendered requests at every point.

        Args:
            rows: Token ids of each request in the template.
            progress: Report how far it is.

        Raises:
            SteeringError: If a state is not finite.
        """
        positions = sorted({position for position, _ in self.points.values()})
        layers = sorted({layer for _, layer in self.points.values()})
        states = capture(
            self.steerable.model, rows, layers=layers, positions=positions, progress=progress
        )
        return {
            name: states[:, positions.index(position), layers.index(layer)].contiguous()
            for name, (position, layer) in self.points.items()
        }

    def along(self, states: Float[Tensor, "prompt d_model"]) -> list[float]:
        """Return places on the axis of the difference in means."""
        found: list[float] = (
            ((states.double() @ self.units["dim"]) - self.middle) / self.half
        ).tolist()
        return found

    def plane(self, states: Float[Tensor, "prompt d_model"]) -> list[list[float]]:
        """Return places on the map as it is shown, [x, y] each; empty lists without a map."""
        if self.chart is None or self.steerable.maps is None:
            return [[] for _ in states]
        maps = self.steerable.maps
        index = maps.layers.index(self.chart.layer)
        shown = maps.points.view.shown(index, self.chart.pca(states).double().numpy())
        rows: list[list[float]] = shown[:, :2].tolist()
        return rows

    def placed(self, read: Mapping[str, Float[Tensor, "prompt d_model"]]) -> list[list[float]]:
        """Return of every request its place along the axis, and on the map if there is one."""
        flat = self.plane(read["map"]) if "map" in read else [[] for _ in read["dim"]]
        return [[place, *at] for place, at in zip(self.along(read["dim"]), flat, strict=True)]

    def cloud(self) -> dict[str, list[list[float]]]:
        """Return the places of the training prompts on the map, by set; without one, nothing."""
        maps = self.steerable.maps
        if self.chart is None or maps is None:
            return {}
        at = maps.points.at["pca"][maps.layers.index(self.chart.layer)]
        return {
            name: [
                row[:2]
                for row, label in zip(at.tolist(), maps.labels, strict=True)
                if label == name
            ]
            for name in PAIR_SETS
        }

    def means(self) -> dict[str, list[float]]:
        """Return the places of the class means on the map; without one, nothing."""
        if self.chart is None:
            return {}
        return dict(zip(PAIR_SETS, self.plane(torch.as_tensor(self.chart.means)), strict=True))
