"""What is said of a cell of the dose figures."""

import pytest

from steering.ui.dose import dose_data
from steering.ui.dose.cell_text import told


@pytest.fixture
def cell(rows, fitted):
    return dose_data.measured_cells(rows, fitted)[1]


def test_every_measure_is_told_with_its_interval_and_n(cell):
    said = told(cell, n=24, n_answered=12).split("<br>")
    assert said[0].startswith(f"<b>{cell['kind']}")
    low = next(line for line in said if line.startswith("refuses harmful"))
    assert "[" in low
    assert low.endswith("]")
    assert "n = 24 a class, first token, 95 % intervals" in said


def test_a_cell_without_numbers_says_that_the_edit_breaks_the_model(cell):
    broken = cell | dict.fromkeys(("kl", "loss", "harmful_score", "harmless_score"))
    assert "This edit breaks the model." in told(broken, n=24, n_answered=12)
    assert "This edit breaks the model." not in told(cell, n=24, n_answered=12)


def test_what_a_panel_is_called_stays_text(cell):
    assert "<b>&lt;i&gt;" in told(cell | {"kind": "<i>", "settings": ""}, n=1, n_answered=1)
