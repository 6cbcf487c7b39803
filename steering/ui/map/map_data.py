"""What the map shows, as plain JSON data made by pure functions from maps and places.

The cloud of training prompts is sent once per model, for every layer; a request sends its own
places only. Coordinates keep three significant digits: a screen shows fewer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from steering.anatomy.separation import auc
from steering.data import prompts
from steering.formatting import plain
from steering.interventions.outline import CLASS_NAMES, Facts
from steering.interventions.panel import Panel
from steering.maps.map_points import MapName, Marker, Points
from steering.ui import text
from steering.ui.map import map_shapes

if TYPE_CHECKING:
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Trace

MIDDLE: Final = (0.4, 0.6)
"""Values of t, rounded as they are said, that belong to neither side (chosen)."""
SHOWN_CLASSES: Final = ("harmful", "harmless")
"""The classes that maps are fitted on, in the order of their means."""
MAPS: Final[tuple[MapName, ...]] = ("pca", "harm", "umap")
"""Those that there may be; UMAP is left out where minutes count."""
BAND: Final = (0.1, 0.5, 0.9)
"""Quantiles of t that the path view draws of each class (chosen): most of it, and its middle."""
_CHIEF: Final = {"actadd": "c", "nullspace": "k", "flip": "k", "ace": "c", "alterrep": "c"}
"""Hyperparameter that a panel's label always shows, even at its default."""


_TOKENS_SAID: Final = (
    "At this layer t of the token that the map reads tells {names[0]} from {names[1]} training "
    "requests with AUC {auc} (1: always; 0.5: chance). Tokens of the template are tinted relative "
    "to {names[1]} requests at their own position, where their mean is known."
)


def cloud(
    points: Points, *, edit_layer: int, names: tuple[str, str] = CLASS_NAMES
) -> dict[str, Any]:
    """Return the prompts that the maps were made from, on every map, at every layer.

    Args:
        points: Of fitted maps.
        edit_layer: Layer to look at first: where the INLP panels edit.
        names: What the classes are called, of what stands for `harmful` first.

    Returns:
        `model`, `layers` and `edit_layer`; the `maps` that there are; `names` of the classes, by
        label; `texts`, `labels` and `categories`, one per point, the last one empty for a prompt
        that is not the project's own; and `at`, one entry
        per layer: the points on each map, column by column (for `harm`: t, then the second axis),
        the class `means` on each map, the `view` and the `span` of `map_shapes`, the share of
        variance `explained` by three principal components, the `turn` of `pca_view`, the `pair` of
        components in the plane, what is `said` below each of the page's maps, the `band` of t
        per class, and `separates`, the share of training prompts whose t lies on their own class's
        side of 0.5.
    """
    return {
        "model": points.model,
        "layers": list(points.layers),
        "edit_layer": edit_layer if edit_layer in points.layers else points.layers[-1],
        "maps": [name for name in MAPS if name in points.at],
        "names": dict(zip(SHOWN_CLASSES, names, strict=True)),
        "texts": list(points.texts),
        "labels": list(points.labels),
        "categories": [prompts.category_of(text) for text in points.texts],
        "at": [_cloud_at(points, index, names) for index in range(len(points.layers))],
    }


def _cloud_at(points: Points, index: int, names: tuple[str, str]) -> dict[str, Any]:
    at = {name: points.at[name][index] for name in MAPS if name in points.at}
    labels = np.array(points.labels)
    of_class = [labels == name for name in SHOWN_CLASSES]
    harmful, harmless = (at["harm"][chosen, 0] for chosen in of_class)
    right = np.concatenate([harmful < 0.5, harmless > 0.5]).mean()
    above = auc(np.r_[harmful, harmless], np.repeat([False, True], [len(harmful), len(harmless)]))
    return {
        **{name: [_rounded(column) for column in values.T] for name, values in at.items()},
        "means": {
            name: [_rounded(values[chosen].mean(0)) for chosen in of_class]
            for name, values in at.items()
        },
        "view": map_shapes.view(at),
        "span": map_shapes.span(at),
        "explained": _rounded(points.explained[index]),
        "turn": [_rounded(row) for row in points.view.turns[index]],
        "pair": list(points.view.pairs[index]),
        "said": {
            "pca": components_said(points, index, points.view.pairs[index]),
            "pca3": components_said(points, index, (0, 1, 2)),
            "tokens": _TOKENS_SAID.format(names=names, auc=plain(above)),
        },
        "band": {
            "harmful": _rounded(np.quantile(harmful, BAND)),
            "harmless": _rounded(np.quantile(harmless, BAND)),
        },
        "separates": round(float(right), 3),
    }


def components_said(points: Points, index: int, chosen: Sequence[int]) -> str:
    """Say how much principal components explain, of the variance and of the classes' difference.

    Args:
        points: Of fitted maps.
        index: Of the layer, in `points.layers`.
        chosen: Indices of components.
    """
    names = [str(each + 1) for each in chosen]
    of_variance, of_difference = (
        f"{100 * float(sum(shares[index][each] for each in chosen)):.0f} %"
        for shares in (points.explained, points.view.difference)
    )
    return (
        f"Components {', '.join(names[:-1])} and {names[-1]}: {of_variance} of the variance, "
        f"{of_difference} of the difference between classes"
    )


@dataclass(frozen=True)
class Request:
    """What was asked, and how its cards are set.

    Attributes:
        prompt: The request's text.
        tokens: Length of the rendered request, template included, in tokens.
        slots: The panels' cards, keys of `card_settings.SLOTS`.
    """

    prompt: str
    tokens: int
    slots: Sequence[str]


def placed(maps: "Maps", trace: "Trace", request: Request, *, directions: Facts) -> dict[str, Any]:
    """Return where a request lies under every panel, at every layer.

    Args:
        maps: The maps that the trace was made with.
        trace: What one forward pass showed.
        request: What was traced.
        directions: Fill in what the panels leave to the model.

    Returns:
        `model`, `prompt`, and `panels`, one entry a panel: its card, title, settings and text form;
        with one value a layer: `pca` (three columns, turned), `y` (second axis of the harm map),
        `t`, `to_harmful`, `to_harmless`, `nearest`, `outside` and `sentences`; and its `tokens`.
    """
    # Recorded places are drawn without a model, and without waiting for torch.
    from steering.maps import markers

    rows = markers.landed(maps, trace, prompt=request.prompt, length=request.tokens)
    landed = dict(zip(request.slots, zip(trace.panels, rows, strict=True), strict=True))
    return told(maps.points, request.prompt, landed, directions)


def told(
    points: Points, prompt: str, landed: Mapping[str, tuple[Panel, Marker]], directions: Facts
) -> dict[str, Any]:
    """Return what `placed` does for places that are known already.

    Args:
        points: Of the maps that it was placed on.
        prompt: The request.
        landed: Each card's panel, with what `markers.landed` gives of it.
        directions: Fill in what the panels leave to the model.
    """
    baseline = next((row for panel, row in landed.values() if panel.name == "baseline"), None)
    return {
        "model": points.model,
        "prompt": prompt,
        "panels": [
            _described(slot, panel, directions, row, baseline)
            | {"pca": _turned(points, row["pca"])}
            for slot, (panel, row) in landed.items()
        ],
    }


def _described(
    slot: str,
    panel: Panel,
    directions: Facts,
    row: Marker,
    baseline: Marker | None,
) -> dict[str, Any]:
    title, settings = text.title(slot, panel.name), settings_of(panel, directions)
    name = f"{title} ({settings})" if settings else title
    before: Sequence[float | None] = [None] * len(row["t"])
    if baseline is not None and row is not baseline:
        before = baseline["t"]
    said = [
        sentence(
            None if row is baseline else name,
            t,
            before=start,
            outside=outside,
            names=directions.class_names,
        )
        for t, start, outside in zip(row["t"], before, row["outside"], strict=True)
    ]
    return {"slot": slot, "title": title, "settings": settings, **row, "sentences": said}


def _turned(points: Points, columns: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return places in principal components as the map shows them, a column an axis."""
    turns = points.view.turns
    places = np.einsum("li,lij->jl", np.array(columns).T, turns)
    return [_rounded(column) for column in places]


def settings_of(panel: Panel, directions: Facts) -> str:
    """Return what a panel is told by, in words: `k=3, α=1.5`."""
    given = panel.settings
    chief = _CHIEF.get(panel.name)
    if chief:
        value = getattr(panel.resolved(directions), chief)
        given = {chief: f"{value:g}"} | given
    return ", ".join(
        f"{'α' if key == 'alpha' else key}={value.replace('-', '−')}"
        for key, value in given.items()
    )


def sentence(
    name: str | None,
    t: float,
    *,
    before: float | None,
    outside: bool,
    names: tuple[str, str] = CLASS_NAMES,
) -> str:
    """Say where an edit takes a request, for those who do not see the map.

    Args:
        name: The edit's; None for the baseline.
        t: Landing coordinate with the edit.
        before: Without it; None where that is not known.
        outside: Whether the place is off the map.
        names: What the classes are called.
    """
    off = ", off the map" if outside else ""
    here = _side(t, names)
    if before is None:
        who = "This request lies" if name is None else f"With {name} this request lies"
        return f"{who} {_on(here)} (t = {_said(t)}){off}."
    there = _side(before, names)
    if _said(t) == _said(before):
        words = f"leaves this request where it was, {_on(here)} (t = {_said(t)})"
    elif here == there:
        words = f"keeps this request {_on(here)} (t = {_said(before)} before, {_said(t)} now)"
    else:
        words = f"moves this request from {there} (t = {_said(before)}) to {here} (t = {_said(t)})"
    return f"{name} {words}{off}."


def _said(t: float) -> str:
    return f"{round(t, 1) + 0.0:.1f}".replace("-", "−")


def _side(t: float, names: tuple[str, str]) -> str:
    if round(t, 1) < MIDDLE[0]:
        return f"the {names[0]} side"
    return "the middle" if round(t, 1) <= MIDDLE[1] else f"the {names[1]} side"


def _on(side: str) -> str:
    return f"in {side}" if side == "the middle" else f"on {side}"


def _rounded(values: NDArray[np.floating[Any]]) -> list[float]:
    return [float(f"{value:.3g}") for value in values.tolist()]
