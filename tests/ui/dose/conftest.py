import pytest

from steering.interventions.panel import parse
from steering.sweep.grids import default_grid, reference_points
from steering.ui.dose import dose_data
from tests.helpers.doses import full, row


@pytest.fixture
def rows(fitted):
    points = reference_points(fitted)
    labels = {full(panel, fitted): label for label, panel in points.items()}
    grids = [*default_grid(fitted).values(), list(points.values())]
    forms = dict.fromkeys(full(panel, fitted) for grid in grids for panel in grid)
    return [row(parse(form), fitted, label=labels.get(form)) for form in forms]


@pytest.fixture
def seen(rows, fitted):
    return dose_data.view(rows, fitted)
