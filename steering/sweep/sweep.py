"""Dose and response: grids of edits over rank, alpha, coefficient, layer and position.

Every cell is measured by single tokens on validation prompts: the refusal score of harmful and of
harmless ones, and on harmless ones the KL divergence of the next token and the loss on the
baseline's own answers under the edit. Chosen cells are also answered and judged. The table, one
row a cell, is written when all is done; until then finished cells are kept in the cache.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from steering.artifacts.manifest_document import ProvenanceEntry
from steering.artifacts.provenance import unnamed_weights
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.sweep.cells import KEPT, Cells, SweepSettings
from steering.sweep.grids import Grid, default_grid, reference_points
from steering.sweep.sweep_table import SWEEP_COLUMNS, SweepRow, summary, write


def run_sweep(  # noqa: PLR0913 - what is swept, on what, and how much of it
    steerable: SteerableModel,
    splits: PromptSplits,
    out: Path,
    *,
    provenance: ProvenanceEntry,
    grid: Grid | None = None,
    generated: Sequence[Panel] | None = None,
    settings: SweepSettings | None = None,
) -> list[SweepRow]:
    """Measure every cell of every grid; write the table and its provenance.

    A run that was stopped goes on where it was and gives the same bytes.

    Args:
        steerable: A loaded chat model with its directions.
        splits: Only the validation prompts are used.
        out: A .csv file; the provenance goes beside it, as .json. Each is replaced whole.
        provenance: What a reader needs to make the numbers again, JSON types; changes of it, of
            the directions or the settings begin a new run.
        grid: Default `default_grid`; `reference_points` and the baseline are always added.
        generated: Panels that answer and are judged; default `reference_points`.
        settings: Sizes.

    Returns:
        The table's rows; COLUMNS explains them.

    Raises:
        SteeringError: If a panel does not fit the model, before anything is measured.
    """
    model, directions = steerable.model, steerable.directions
    settings = settings or SweepSettings()
    points = reference_points(directions)
    grid = default_grid(directions) if grid is None else grid
    grids = {
        name: [_canonical(panel, directions) for panel in panels]
        for name, panels in {**grid, "reference": list(points.values())}.items()
    }
    answering = [
        _canonical(panel, directions)
        for panel in (points.values() if generated is None else generated)
    ]
    edits = {
        cell: cell.edit(directions) for cell in [*itertools.chain(*grids.values()), *answering]
    }
    facts = [provenance, directions.digest, asdict(settings), *unnamed_weights(model).values()]
    stages = Stages(["sweep", KEPT, *facts])
    cells = Cells(model, splits, settings, stages, edits)
    measured = cells.measured()
    judged = cells.judged(list(dict.fromkeys(answering)))
    labels = {_canonical(panel, directions): label for label, panel in points.items()}
    rows: list[dict[str, object]] = [
        {
            **dict.fromkeys(SWEEP_COLUMNS),
            **{key: value for key, value in asdict(cell).items() if key in SWEEP_COLUMNS},
            "panel": str(cell),
            "grids": "; ".join(name for name, panels in grids.items() if cell in panels),
            "label": labels.get(cell),
            **summary(measured[cell]),
            **judged.get(cell, {}),
        }
        for cell in edits
    ]
    table = cast(list[SweepRow], rows)
    write(out, table, {"settings": asdict(settings), "provenance": provenance})
    return table


def _canonical(panel: Panel, directions: Directions) -> Panel:
    return replace(panel.resolved(directions), order=())
