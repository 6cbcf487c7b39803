"""Class means that directions of earlier versions lack, taken from the maps beside them.

Earlier versions fitted INLP on all training prompts, and stored the class means of those alone that
a filter by refusal score had left for the difference in means. The maps of the same artifact were
fitted on all training prompts at the position of the chosen INLP point, so they hold the means that
belong to INLP's directions there. At other positions these stay unknown, and a midpoint is refused.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open

from steering.interventions.outline import ExtractionPoint
from steering.maps import map_points

if TYPE_CHECKING:
    from torch import Tensor

    from steering.interventions.directions import Directions


def completed(directions: "Directions", folder: Path) -> "Directions":
    """Return directions with INLP's class means wherever the maps in their folder know them.

    Args:
        directions: As they were read; what knows its means keeps them.
        folder: The artifact.

    Raises:
        OSError, SafetensorError, KeyError, ValueError: If there are maps and they are broken.
    """
    lacking = {point for point, found in directions.inlp.items() if found.means is None}
    path = folder / map_points.FILE
    if not lacking or not path.is_file():
        return directions
    known = {
        point: replace(directions.inlp[point], means=means)
        for point, means in _means(path, directions.model, directions.d_model)
        if point in lacking
    }
    return replace(directions, inlp={**directions.inlp, **known})


def _means(path: Path, model: str, d_model: int) -> "Iterator[tuple[ExtractionPoint, Tensor]]":
    with safe_open(path, "pt") as file:
        metadata = json.loads((file.metadata() or {})["maps"])
        document = json.loads(metadata["maps"])
        means = file.get_tensor("means")
    if document["model"] != model or means.shape[-1] != d_model:
        return
    for layer, pair in zip(document["layers"], means, strict=True):
        yield (document["position"], layer), pair.clone()
