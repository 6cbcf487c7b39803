"""Where traced requests lie on the maps, as plain JSON data: what recordings keep and a page draws.

Coordinates keep three significant digits: a screen shows fewer.
"""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from steering.maps.map_points import Marker, MarkerPlaces, MarkerTokens
from steering.maps.model_maps import Maps
from steering.maps.residual_trace import Trace


def landed(maps: Maps, trace: Trace, *, prompt: str, length: int) -> list[Marker]:
    """Return where a request lies under every panel, at every layer.

    Args:
        maps: The maps that the trace was made with.
        trace: What forward passes showed.
        prompt: The request's text.
        length: Of the rendered request, template included, in tokens.

    Returns:
        A panel each: its text `form`; with one value a layer `pca` (three columns), `y` (second
        axis of the harm axis map), `t`, `to_harmful`, `to_harmless`, `nearest` and `outside`;
        and its `tokens`.
    """
    return [
        {
            **row,
            "form": str(panel),
            "tokens": _tokens(maps, trace, index, prompt=prompt, length=length),
        }
        for index, (panel, row) in enumerate(
            zip(trace.panels, _places(maps, trace.states), strict=True)
        )
    ]


def _places(maps: Maps, states: Float[Tensor, "panel layer d_model"]) -> list[MarkerPlaces]:
    # Layer by layer for all panels: a small product costs as much as a large one.
    at = [(maps.at(layer), states[:, index]) for index, layer in enumerate(maps.layers)]
    landings = list(zip(*(map_.land(here) for map_, here in at), strict=True))
    pca = torch.stack([map_.pca(here) for map_, here in at], dim=1)
    heights = torch.stack([map_.harm(here)[:, 1] for map_, here in at], dim=1)
    return [
        {
            "pca": [_rounded(column) for column in pca[index].T],
            "y": _rounded(heights[index]),
            "t": [_round(each.t) for each in landed],
            "to_harmful": [_round(each.to_harmful) for each in landed],
            "to_harmless": [_round(each.to_harmless) for each in landed],
            "nearest": [each.nearest for each in landed],
            "outside": [bool(each.outside) for each in landed],
        }
        for index, landed in enumerate(landings)
    ]


def _tokens(maps: Maps, trace: Trace, index: int, *, prompt: str, length: int) -> MarkerTokens:
    """Return a panel's tokens from the visitor's own words on.

    Args:
        maps: The maps that the trace was made with.
        trace: What one forward pass showed.
        index: The panel.
        prompt: The request's text.
        length: Of the rendered request, template included, in tokens.

    Returns:
        `texts`; `t` by layer, then token, as `token_tints` has it; `template` and `answer`, which
        count where the words of the template and of the answer begin; and `read`, the token whose
        place the maps show.
    """
    words = trace.tokens[index]
    first, last = _own_words(words[:length], prompt)
    t = trace.tints[index][first:]
    return {
        "texts": list(words[first:]),
        "t": [[round(value, 2) for value in column] for column in t.T.tolist()],
        "template": last - first,
        "answer": length - first,
        "read": length + maps.position - first,
    }


def _own_words(tokens: Sequence[str], prompt: str) -> tuple[int, int]:
    """Return the range of tokens that spell the prompt; all of them where that is not clear.

    A token may hold half a character, so its text alone need not be a part of the prompt.
    """
    start = "".join(tokens).rfind(prompt.strip())
    if start < 0:
        return 0, len(tokens)
    ends = [0]
    for token in tokens:
        ends.append(ends[-1] + len(token))
    stop = start + len(prompt.strip())
    inside = [
        index for index in range(len(tokens)) if ends[index] < stop and ends[index + 1] > start
    ]
    return inside[0], inside[-1] + 1


def umap_places(
    maps: Maps, states: Float[Tensor, "panel layer d_model"], layer: int
) -> list[list[float]]:
    """Return a request's places on the UMAP of one layer, as two columns, one value a panel.

    Raises:
        SteeringError: If there is no map of that layer.
    """
    at = maps.at(layer)
    return [_rounded(column) for column in at.umap(states[:, maps.layers.index(layer)]).T]


def _rounded(values: Float[Tensor, " n"]) -> list[float]:
    return [_round(value) for value in cast(list[float], values.tolist())]


def _round(value: float) -> float:
    return float(f"{value:.3g}")
