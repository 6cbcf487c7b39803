"""What the map shows, as plain JSON data made by pure functions from maps and traces.

The cloud of training prompts is sent once per model, for every layer; a request sends its own
places only. Coordinates keep three significant digits: a screen shows fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from jaxtyping import Float
from torch import Tensor

from steering.directions import Directions
from steering.maps import LayerMap, Maps
from steering.panel import Panel, parse
from steering.tracing import Trace
from steering.ui import text

CLASSES: Final = ("harmful", "harmless")
"""The classes that maps are fitted on, in the order of their means."""
MAPS: Final = ("pca", "lda", "umap")
BAND: Final = (0.1, 0.5, 0.9)
"""Quantiles of t that the path view draws of each class (chosen): most of it, and its middle."""
MIDDLE: Final = (0.4, 0.6)
"""Values of t, rounded as they are said, that belong to neither side (chosen)."""
_CHIEF: Final = {"actadd": "c", "nullspace": "k", "flip": "k", "random": "k"}
"""The setting that a panel is told by, said even where it is the default."""


def cloud(maps: Maps, *, edit_layer: int) -> dict[str, Any]:
    """Return the prompts that the maps were made from, on every map, at every layer.

    Args:
        maps: Fitted maps.
        edit_layer: Layer to look at first: where the INLP panels edit.

    Returns:
        `model`, `layers` and `edit_layer`; `texts` and `labels`, one per point; and `at`, one entry
        per layer: the points on each map, column by column (for `lda`: t, then the second axis),
        the class `means` on each map, the share of variance `explained` by three principal
        components, the `band` of t per class, and `separates`, the share of training prompts
        whose t lies on their own class's side of 0.5.
    """
    return {
        "model": maps.model,
        "layers": list(maps.layers),
        "edit_layer": edit_layer if edit_layer in maps.layers else maps.layers[-1],
        "texts": list(maps.texts),
        "labels": list(maps.labels),
        "at": [_cloud_at(maps.at(layer), maps.labels) for layer in maps.layers],
    }


def _cloud_at(at: LayerMap, labels: Sequence[str]) -> dict[str, Any]:
    points = {name: at.points[name].float() for name in MAPS}
    of_class = [torch.tensor([label == name for label in labels]) for name in CLASSES]
    harmful, harmless = (points["lda"][chosen, 0] for chosen in of_class)
    right = torch.cat([harmful < 0.5, harmless > 0.5]).float().mean()
    # While a model loads, transformers sets the default dtype for every thread.
    quantiles = torch.tensor(BAND, dtype=torch.float32)
    return {
        **{name: [_rounded(column) for column in values.T] for name, values in points.items()},
        "means": {
            name: [_rounded(values[chosen].mean(0)) for chosen in of_class]
            for name, values in points.items()
        },
        "explained": _rounded(at.explained[:3]),
        "band": {
            "harmful": _rounded(torch.quantile(harmful, quantiles)),
            "harmless": _rounded(torch.quantile(harmless, quantiles)),
        },
        "separates": round(float(right), 3),
    }


@dataclass(frozen=True)
class Request:
    """What was asked, and how its cards are set.

    Attributes:
        prompt: The request's text.
        tokens: Length of the rendered request, template included, in tokens.
        slots: The panels' cards, keys of `dials.SLOTS`.
    """

    prompt: str
    tokens: int
    slots: Sequence[str]


def placed(maps: Maps, trace: Trace, request: Request, *, directions: Directions) -> dict[str, Any]:
    """Return where a request lies under every panel, at every layer.

    Args:
        maps: The maps that the trace was made with.
        trace: What one forward pass showed.
        request: What was traced.
        directions: Fill in what the panels leave to the model.

    Returns:
        `model`, `prompt`, and `panels`, one entry a panel: its card, title, settings and text form;
        with one value a layer: `pca` (three columns), `y` (second axis of the discriminant map),
        `t`, `to_harmful`, `to_harmless`, `nearest`, `outside` and `sentences`; and its `tokens`.
    """
    panels = [parse(form) for form in trace.panels]
    rows = _places(maps, trace.states)
    baseline = next(
        (row for row, each in zip(rows, panels, strict=True) if each.name == "baseline"), None
    )
    return {
        "model": maps.model,
        "prompt": request.prompt,
        "panels": [
            _described(request.slots[index], panel, directions, row, baseline)
            | {"form": trace.panels[index], "tokens": _tokens(maps, trace, request, index)}
            for index, (panel, row) in enumerate(zip(panels, rows, strict=True))
        ],
    }


def _places(maps: Maps, states: Float[Tensor, "panel layer d_model"]) -> list[dict[str, Any]]:
    # Layer by layer for all panels: a small product costs as much as a large one.
    at = [(maps.at(layer), states[:, index]) for index, layer in enumerate(maps.layers)]
    landings = list(zip(*(map_.land(here) for map_, here in at), strict=True))
    pca = torch.stack([map_.pca(here) for map_, here in at], dim=1)
    heights = torch.stack([map_.lda(here)[:, 1] for map_, here in at], dim=1)
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


def _described(
    slot: str,
    panel: Panel,
    directions: Directions,
    row: dict[str, Any],
    baseline: dict[str, Any] | None,
) -> dict[str, Any]:
    title, settings = text.title(slot, panel.name), settings_of(panel, directions)
    name = f"{title} ({settings})" if settings else title
    before: Sequence[float | None] = [None] * len(row["t"])
    if baseline is not None and row is not baseline:
        before = baseline["t"]
    said = [
        sentence(None if row is baseline else name, t, before=start, outside=outside)
        for t, start, outside in zip(row["t"], before, row["outside"], strict=True)
    ]
    return {"slot": slot, "title": title, "settings": settings, **row, "sentences": said}


def settings_of(panel: Panel, directions: Directions) -> str:
    """Return what a panel is told by, in words: `k=3, α=1.5`."""
    given = dict(item.split("=") for item in str(panel).partition(":")[2].split(",") if item)
    chief = _CHIEF.get(panel.name)
    if chief:
        value = getattr(panel.resolved(directions), chief)
        given = {chief: f"{value:g}"} | given
    return ", ".join(
        f"{'α' if key == 'alpha' else key}={value.replace('-', '−')}"
        for key, value in given.items()
    )


def sentence(name: str | None, t: float, *, before: float | None, outside: bool) -> str:
    """Say where an edit takes a request, for those who do not see the map.

    Args:
        name: The edit's; None for the baseline.
        t: Landing coordinate with the edit.
        before: Without it; None where that is not known.
        outside: Whether the place is off the map.
    """
    off = ", off the map" if outside else ""
    here = _side(t)
    if before is None:
        who = "This request lies" if name is None else f"With {name} this request lies"
        return f"{who} {_on(here)} (t = {_said(t)}){off}."
    there = _side(before)
    if _said(t) == _said(before):
        words = f"leaves this request where it was, {_on(here)} (t = {_said(t)})"
    elif here == there:
        words = f"keeps this request {_on(here)} (t = {_said(before)} before, {_said(t)} now)"
    else:
        words = f"moves this request from {there} (t = {_said(before)}) to {here} (t = {_said(t)})"
    return f"{name} {words}{off}."


def _said(t: float) -> str:
    return f"{round(t, 1) + 0.0:.1f}".replace("-", "−")


def _side(t: float) -> str:
    if round(t, 1) < MIDDLE[0]:
        return "the harmful side"
    return "the middle" if round(t, 1) <= MIDDLE[1] else "the harmless side"


def _on(side: str) -> str:
    return f"in {side}" if side == "the middle" else f"on {side}"


def _tokens(maps: Maps, trace: Trace, request: Request, index: int) -> dict[str, Any]:
    """Return a panel's tokens from the visitor's own words on; t by layer, then token.

    `template` and `answer` count where the words of the template and of the answer begin, and
    `read` is the token whose place the maps show.
    """
    tokens = trace.tokens[index]
    first, last = _own_words(tokens[: request.tokens], request.prompt)
    t = trace.t[index][first:]
    return {
        "texts": list(tokens[first:]),
        "t": [[round(value, 2) for value in column] for column in t.T.tolist()],
        "template": last - first,
        "answer": request.tokens - first,
        "read": request.tokens + maps.position - first,
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
