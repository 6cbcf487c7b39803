"""Which training prompts lie nearest to a dot or a mark, in all that the maps keep of a layer."""

from collections.abc import Mapping
from typing import Any, Final

from steering.maps.map_points import Points
from steering.ui.map.map_memory import Memory

SENT: Final = 60
"""Prompts that are sent, of which the page lists those of the classes that it shows (chosen)."""


def nearest(points: Points | None, memory: Memory, asked: object) -> dict[str, Any] | None:
    """Return the training prompts that are nearest to a place at a layer.

    Args:
        points: Of the maps that the page shows.
        memory: Knows the places of traced requests.
        asked: `{"layer": ..., "point": ...}` for a dot, or `{"layer": ..., "key": ...,
            "panel": ...}` for a mark, as it comes from a browser.

    Returns:
        `found`, index and distance of prompts, the nearest first (the dot itself is left out);
        `rank`, of how many components the distance is; `share`, of the variance that they explain;
        and `d_model`, the width that they are taken from. None where no more is known than what
        the map shows.
    """
    if points is None or points.kept is None or not isinstance(asked, Mapping):
        return None
    layer, point = asked.get("layer"), asked.get("point")
    if not isinstance(layer, int) or layer not in points.layers:
        return None
    kept, index = points.kept, points.layers.index(layer)
    if point is None:
        place = memory.components(asked)
        if place is None:
            return None
    elif isinstance(point, int) and 0 <= point < len(points.texts):
        place = kept.of(index, point)
    else:
        return None
    found = [each for each in kept.nearest(index, place) if each[0] != point]
    return {
        "found": [[each, float(f"{apart:.3g}")] for each, apart in found[:SENT]],
        "rank": len(place),
        "share": round(float(kept.share[index]), 3),
        "d_model": kept.d_model,
    }
