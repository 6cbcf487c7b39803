"""Where test prompts land under every panel: the measured side of the maps.

The paper (Rocchetti & Ferrara 2026) reports that alpha = 1 puts activations between the harmful and
the harmless cluster, and alpha = 2 into the opposite one. This counts it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev
from typing import Any, cast

from steering.artifacts.evaluation_document import LandingEntry, LandingsEntry, LayerLanding
from steering.artifacts.resumable import Stages
from steering.evaluation.matched_controls import RANDOM_SEEDS
from steering.intervals import wilson
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel
from steering.maps.clusters import CLASSES
from steering.maps.model_maps import Maps
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel


@dataclass(frozen=True)
class PromptLanding:
    """Where one prompt lands under one panel at one layer: plain data.

    Attributes:
        group: Name of the prompt set, for example `harmful`.
        panel: The panel's text form.
        layer: Block at whose input the state was read.
        t: Landing coordinate: 0 at the harmful mean, 1 at the harmless mean.
        nearest: The nearest class.
        outside: Whether it is off the map.
    """

    group: str
    panel: str
    layer: int
    t: float
    nearest: str
    outside: bool


def layers_shown(directions: Directions, maps: Maps) -> tuple[int, ...]:
    """Return the layer where INLP's edits are made and three later ones, evenly to the last."""
    source, last = directions.inlp_layer, maps.layers[-1]
    later = (round(source + (last - source) * step / 3) for step in range(4))
    return tuple(dict.fromkeys(later))


def land(tracer: Tracer, group: str, prompt: str, panels: Sequence[Panel]) -> list[PromptLanding]:
    """Return where one prompt lands under each panel, at each of `layers_shown`."""
    found, maps = tracer.finite(prompt, panels), tracer.maps
    return [
        PromptLanding(group, str(panel), layer, landing.t, landing.nearest, landing.outside)
        for layer in layers_shown(tracer.directions, maps)
        for panel, landing in zip(
            found.panels,
            maps.at(layer).land(found.states[:, maps.layers.index(layer)]),
            strict=True,
        )
    ]


def panels_shown(panels: Sequence[Panel], directions: Directions) -> list[Panel]:
    """Return the panels of an evaluation whose landing is measured.

    The controls of all directions are added: the paper's picture is of all of them.
    """
    rank = directions.inlp_rank or 1
    found = [*panels, *(Panel("flip", k=rank, basis="random", seed=seed) for seed in RANDOM_SEEDS)]
    found += [Panel("flip", k=rank, center="midpoint")] if directions.inlp else []
    return list({panel.resolved(directions): panel for panel in found}.values())


def land_all(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    panels: Sequence[Panel],
    stages: Stages,
) -> list[PromptLanding]:
    """Return where every harmful and harmless prompt lands under the panels of `panels_shown`.

    Args:
        steerable: A loaded chat model with its directions and maps.
        sets: Prompts by the name of their set; the landing of others is not measured.
        panels: The panels of an evaluation.
        stages: Keeps what is measured, so that a stopped run goes on.
    """
    tracer = Tracer(steerable)
    directions = steerable.directions
    shown = panels_shown(panels, directions)
    resolved = [panel.resolved(directions) for panel in shown]
    names = [str(panel) for panel in resolved]
    keys = [
        json.dumps([group, text, names, layers_shown(directions, tracer.maps)])
        for group in CLASSES
        for text in sets.get(group, ())
    ]

    def land_one(key: str) -> dict[str, Any]:
        group, text, *_ = json.loads(key)
        found = land(tracer, group, text, resolved)
        return {"places": [asdict(each) for each in found]}

    # Kept under their full names, shown by those that the evaluation gives them.
    short = dict(zip(names, map(str, shown), strict=True))
    return [
        PromptLanding(**{**each, "panel": short[each["panel"]]})
        for entry in stages.lines("geometry", keys, land_one)
        for each in entry["places"]
    ]


def summary(rows: Sequence[PromptLanding], directions: Directions, maps: Maps) -> LandingsEntry:
    """Return the table with the template position and the layers that it is about."""
    return {
        "position": maps.position,
        "layers": list(layers_shown(directions, maps)),
        "panels": table(rows),
    }


def table(rows: Sequence[PromptLanding]) -> list[LandingEntry]:
    """Return one entry per panel: for each set and layer, where its prompts land.

    Each holds n, mean and standard deviation of t, the share that is nearest to the harmless class
    with its 95 % Wilson interval, and the share off the map.
    """
    entries = []
    for panel in dict.fromkeys(row.panel for row in rows):
        entry: dict[str, object] = {"panel": panel}
        for group in dict.fromkeys(row.group for row in rows):
            own = [row for row in rows if (row.panel, row.group) == (panel, group)]
            if own:
                entry[group] = {
                    str(layer): _summary([row for row in own if row.layer == layer])
                    for layer in dict.fromkeys(row.layer for row in own)
                }
        entries.append(cast(LandingEntry, entry))
    return entries


def _summary(rows: Sequence[PromptLanding]) -> LayerLanding:
    near = wilson(sum(row.nearest == "harmless" for row in rows), len(rows))
    return {
        "n": len(rows),
        "t_mean": fmean(row.t for row in rows),
        "t_sd": pstdev(row.t for row in rows),
        "nearest_harmless": near.entry(len(rows)),
        "outside": sum(row.outside for row in rows) / len(rows),
    }
