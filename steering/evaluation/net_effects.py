"""Net effects: what an edit changes beyond the same edit along random directions.

Any nudge of that size takes some refusals away, whatever its direction. So beside every refusal
rate stands its difference to the mean of the matched random controls, over the same prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from steering.artifacts.evaluation_document import NetEntry, PairedChange, PanelEntry, rates_of
from steering.data.prompts import LABELS
from steering.evaluation.answers import AnswerRow
from steering.evaluation.crossed_interval import crossed_interval, holm
from steering.evaluation.matched_controls import matched, shortest
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse

Refusals = Mapping[Panel, Mapping[str, Sequence[float]]]
"""By resolved panel, then set: 1 for every prompt that was refused, else 0."""


def refusals(rows: Sequence[AnswerRow], directions: Directions) -> Refusals:
    """Return which prompts each panel refused, in the order in which they were answered."""
    found: dict[Panel, dict[str, list[float]]] = {}
    settled = {text: parse(text).resolved(directions) for text in {row.panel for row in rows}}
    for row in rows:
        own = found.setdefault(settled[row.panel], {})
        own.setdefault(row.group, []).append(float(row.judgement.refused))
    return found


def net(panel: Panel, refused: Refusals, directions: Directions) -> NetEntry | None:
    """Return a panel's net effects; None where a matched control was not measured.

    Args:
        panel: Of the comparison.
        refused: Of all panels.
        directions: Fill in what the panels leave to the model.
    """
    controls = [each.resolved(directions) for each in matched(panel, directions)]
    measured = [refused[each] for each in controls if each in refused]
    own = refused.get(panel.resolved(directions))
    if own is None or not controls or len(measured) < len(controls):
        return None
    sets = {}
    for group in LABELS:
        if group not in own or any(group not in each for each in measured):
            continue
        terms = [
            np.array([own[group]], dtype=np.float64),
            -np.array([each[group] for each in measured], dtype=np.float64),
        ]
        sets[group] = crossed_interval([terms], reach=1.0).entry(len(own[group]))
    return cast(
        NetEntry, {"control": _name(controls[0], directions), "seeds": len(controls)} | sets
    )


def correct(panels: Sequence[PanelEntry]) -> None:
    """Give the differences of the paper's arms their p values after Holm's correction, set by set.

    The arms of the paper are one family of tests; those of controls and other doses describe.
    """
    for group in LABELS:
        tested: list[PairedChange] = []
        for panel in panels:
            rates = rates_of(panel, group)
            difference = rates.get("difference") if rates else None
            if panel["kind"] == "paper" and difference:
                tested.append(difference)
        for difference, p in zip(tested, holm([each["p_value"] for each in tested]), strict=True):
            difference["p_holm"] = p


def _name(control: Panel, directions: Directions) -> str:
    return str(replace(shortest(control, directions), seed=None))
