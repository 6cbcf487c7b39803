"""The curves of the dose tab."""

import pytest

from steering.interventions.panel import Panel
from steering.ui.dose import curve_figure, dose_data
from tests.helpers.doses import row


def test_a_curve_with_a_broken_cell_has_a_gap_there(fitted):
    points = [Panel("actadd", c=c) for c in (-1.0, 1.0, 2.0)]
    made = [row(panel, fitted, broken=panel.c == 1.0) for panel in points]
    drawing = dose_data.view(made, fitted)["figures"]["curves"]["c harmful rate"]
    low, high, middle = drawing["traces"][:3]
    assert middle["x"] == [-1, 1, 2]
    assert middle["y"] == [0.5, None, 0.5]
    assert low["y"] == [0.45, None, 0.45]
    assert high["y"] == [0.55, None, 0.55]
    assert [spot["point"] for spot in drawing["spots"]] == [0, 2, 0, 2]


def test_the_dashed_line_is_the_mean_of_random_subspaces_and_not_of_ablated_directions(fitted):
    controls = [
        (Panel("flip", basis="random", seed=0), 0.2),
        (Panel("flip", basis="random", seed=1), 0.4),
        (Panel("nullspace", k=1, where="all", basis="random"), 0.9),
    ]
    made = [
        row(panel, fitted, label=f"control {i}", rate=rate)
        for i, (panel, rate) in enumerate(controls)
    ]
    made += [row(Panel("flip", k=k), fitted) for k in (1, 2)]
    drawing = dose_data.view(made, fitted)["figures"]["curves"]["k harmful rate"]
    (line,) = [
        shape
        for shape in drawing["layout"]["shapes"]
        if shape["line"]["dash"] == "dash" and shape["yref"] == "y"
    ]
    assert line["y0"] == pytest.approx(0.3)
    assert drawing["legend"]["rules"][0]["words"].endswith("(mean of 2)")


def test_a_mean_with_a_cell_that_broke_is_no_mean(fitted):
    cells = dose_data.measured_cells(
        [row(Panel("flip"), fitted), row(Panel("flip", k=1), fitted, broken=True)], fitted
    )
    assert curve_figure.mean_of(cells, "kl") is None
    assert curve_figure.mean_of(cells[:1], "kl") == pytest.approx(0.1)
