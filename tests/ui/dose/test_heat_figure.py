"""The heat maps of the dose tab."""

import math

import pytest

from steering.ui.dose import dose_data
from steering.ui.dose.figure_parts import stretch


def test_the_colour_of_the_heat_map_is_the_measure(rows, seen, fitted):
    cells = dose_data.measured_cells(rows, fitted)
    for measure, place in (("harmful_score", float), ("kl", stretch), ("perplexity", math.log)):
        drawing = seen["figures"]["heat"][measure]
        values = drawing["traces"][0]["z"]
        for spot in drawing["spots"]:
            i, j = spot["point"]
            measured = cells[spot["cell"]][measure]
            first = measured[0] if isinstance(measured, list) else measured
            assert values[i][j] == pytest.approx(place(first), rel=1e-4)
