"""How a layer's cloud is shown: at which size, how far, and where its classes are dense.

Activations grow from layer to layer, so each layer is shown at the same size: what is seen to move
is the clusters, and a visitor's zoom means the same everywhere. Along t nothing is scaled.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from steering.maps.map_points import MapName, Points

Columns = Float[np.ndarray, "point axis"]
GRID: Final = 36
"""Points along each side of a density's grid (chosen): contours are smooth from about 30 on."""
_MOST: Final = 0.98
"""Share of the points that lie within the size 1 (chosen); outliers do not shrink the rest."""
_ENDS: Final = (0.004, 0.996)
"""Quantiles that a map shows at least (chosen)."""
_REACH: Final = 2.5
"""Bandwidths around a class's points that a density is drawn over (chosen): it is near 0 there."""


def view(at: Mapping[MapName, Columns]) -> dict[str, dict[str, list[float]]]:
    """Return how coordinates become shown ones: `centre` is taken off, then divided by `size`.

    Args:
        at: One layer's points on every map there is; UMAP may be missing.
    """
    harm, pca = at["harm"], at["pca"]
    found = {
        "harm": {"centre": [0.0, 0.0], "size": [1.0, _extent(harm[:, 1])]},
        "pca": {"centre": [0.0] * 3, "size": [_extent(pca)] * 3},
    }
    if "umap" in at:
        middle = at["umap"].mean(0)
        size = _extent(at["umap"] - middle)
        found["umap"] = {"centre": middle.tolist(), "size": [size] * 2}
    return found


def _extent(values: Float[np.ndarray, "..."]) -> float:
    return _quantile(np.abs(values).ravel(), _MOST) or 1.0


def _quantile(values: Float[np.ndarray, " value"], share: float) -> float:
    """Return the value that a share of the others is below; always one of them."""
    return float(np.sort(values)[min(len(values) - 1, int(share * len(values)))])


def shown(at: Mapping[MapName, Columns]) -> dict[MapName, Columns]:
    """Return one layer's points as they are shown."""
    views = view(at)
    return {
        name: (values - np.array(views[name]["centre"])) / np.array(views[name]["size"])
        for name, values in at.items()
    }


def span(at: Mapping[MapName, Columns]) -> dict[str, list[list[float]]]:
    """Return the lowest and highest shown coordinate of the cloud, by map and axis."""
    return {
        name: [[_quantile(column, end) for end in _ENDS] for column in values.T]
        for name, values in shown(at).items()
    }


def hills(points: Points, index: int) -> dict[str, list[dict[str, Any] | None]]:
    """Return where the classes are dense on each map in the plane.

    Args:
        points: Of fitted maps.
        index: Of the layer, in `points.layers`.

    Returns:
        By map a density for the harmful and the harmless points: the ends of `x` and `y`, shown
        coordinates, and `z`, row by row from the lowest y, where 1 is the highest. None where the
        points do not fill the plane.
    """
    labels = np.array(points.labels)
    at = shown({name: values[index] for name, values in points.at.items()})
    return {
        name: [_density(values[labels == label, :2]) for label in ("harmful", "harmless")]
        for name, values in at.items()
    }


def _density(values: Columns) -> dict[str, Any] | None:
    """Return a kernel density estimate with Scott's bandwidth."""
    # The page is served without SciPy, which takes a second to import.
    from scipy.stats import gaussian_kde

    try:
        estimate = gaussian_kde(values.T.astype(np.float64))
    except (np.linalg.LinAlgError, ValueError):  # too few points, or all of them on a line
        return None
    room = _REACH * np.sqrt(np.diag(estimate.covariance))
    low, high = values.min(0) - room, values.max(0) + room
    across, up = (np.linspace(low[axis], high[axis], GRID) for axis in (0, 1))
    grid = np.array([each.ravel() for each in np.meshgrid(across, up)])
    z = estimate(grid).reshape(GRID, GRID)
    ends = ([round(float(low[axis]), 4), round(float(high[axis]), 4)] for axis in (0, 1))
    x, y = ends
    return {"x": x, "y": y, "z": np.round(z / z.max(), 3).tolist()}
