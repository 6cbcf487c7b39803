import math
from collections import Counter
from dataclasses import replace

import pytest

from steering.artifacts import folders, store
from steering.evaluation import matched_controls
from steering.interventions.panel import Panel, parse
from steering.sweep import grids, sweep_table
from steering.sweep.grids import reference_points
from steering.ui.dose import dose_data
from tests.helpers.doses import full, row


@pytest.fixture
def seen(rows, fitted):
    return dose_data.view(rows, fitted)


@pytest.fixture
def cells(rows, fitted):
    return dose_data.measured_cells(rows, fitted)


def panels_of(rows):
    return [parse(row["panel"]) for row in rows]


def test_every_cell_of_the_default_grids_is_sent_once_and_can_set_a_card(rows, seen, cells):
    assert [cell["panel"] for cell in seen["cells"]] == [row["panel"] for row in rows]
    assert [cell["panel"] for cell in seen["cells"] if cell["slot"] is None] == ["baseline"]
    assert cells[0]["harmful_rate"] == [0.5, 0.45, 0.55]
    assert seen["n"] == 32


def test_what_is_told_of_a_cell_has_its_numbers_with_n_and_intervals(rows, seen, fitted):
    said = dict(zip((row["panel"] for row in rows), seen["cells"], strict=True))
    words = said[full(Panel("flip"), fitted)]["told"]
    assert words.startswith(f"<b>Counterfactual flipping (k={fitted.default_k})</b><br>")
    assert "refuses harmful 50 % [45 %, 55 %]" in words
    assert "n = 32 a class" in words
    assert "answered (n = 16): refuses 25 % of harmful" in words


def test_the_heat_map_has_every_rank_and_strength_of_flipping_in_rising_order(rows, cells, fitted):
    heat = dose_data.heat(panels_of(rows), fitted)
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    assert heat["k"] == [*(k for k in grids.RANKS if k < rank), rank]
    assert heat["alpha"] == list(grids.ALPHAS)
    for alpha, line in zip(heat["alpha"], heat["cells"], strict=True):
        for k, index in zip(heat["k"], line, strict=True):
            panel = cells[index]["panel"]
            assert (panel.name, panel.k, panel.alpha) == ("flip", k, alpha)
            assert panel.layer == fitted.inlp_point[1]


def test_cells_elsewhere_are_not_on_the_heat_map(fitted):
    panels = [
        parse(full(panel, fitted))
        for panel in (
            Panel("flip", k=1),
            Panel("flip", k=1, center="midpoint"),
            Panel("flip", k=1, where="all"),
            Panel("flip", k=1, layer=3),
            Panel("nullspace", k=1),
        )
    ]
    assert dose_data.heat(panels, fitted)["cells"] == [[0]]


def test_a_grid_with_holes_keeps_its_places(fitted):
    forms = [Panel("flip", k=1, alpha=1.0), Panel("flip", k=2, alpha=2.0)]
    heat = dose_data.heat([parse(full(panel, fitted)) for panel in forms], fitted)
    assert heat["cells"] == [[0, None], [None, 1]]


@pytest.mark.parametrize("dial", ["k", "c", "alpha", "layer"])
def test_curves_run_along_one_dial_only(dial, rows, cells, fitted):
    lines = dose_data.curves(panels_of(rows), fitted)[dial]
    assert lines
    for line in lines:
        panels = [cells[index]["panel"] for index in line["cells"]]
        along = [getattr(panel, dial) for panel in panels]
        assert line["x"] == along == sorted(set(along))
        free = {dial, "k"} if dial == "layer" else {dial}
        same = {replace(panel, **dict.fromkeys(free)) for panel in panels}
        assert len(same) == 1
        assert {panel.name for panel in panels} == {line["slot"]}


def test_a_curve_of_one_point_is_no_curve(fitted):
    panels = [parse(full(Panel("actadd", c=1.0), fitted)), Panel("baseline")]
    assert dose_data.curves(panels, fitted)["c"] == []


def test_a_layer_with_fewer_directions_still_belongs_to_the_curve_along_layers(rows, fitted):
    ranks = {fitted.subspace("inlp", (-1, layer)).rank for layer in (1, 2, 3)}
    lines = dose_data.curves(panels_of(rows), fitted)["layer"]
    (flip,) = (line for line in lines if line["slot"] == "flip")
    assert flip["x"] == [1, 2, 3], ranks


def test_named_points_are_the_papers_edits_and_the_controls(rows, cells, fitted):
    points = dose_data.frontier(rows, cells)
    assert [point["name"] for point in points if point["group"] != "control"][:2] == [
        "baseline",
        "activation addition, suppressing",
    ]
    assert {point["name"] for point in points} == set(reference_points(fitted))
    groups = [point["group"] for point in points]
    assert groups == sorted(groups, key=["baseline", "paper", "random", "control"].index)
    randoms = Counter(point["short"] for point in points if point["group"] == "random")
    seeds = len(matched_controls.RANDOM_SEEDS)
    assert randoms == {"random subspaces": seeds, "random directions ablated": seeds}
    for point in points:
        named = reference_points(fitted)[point["name"]]
        assert str(cells[point["cell"]]["panel"]) == full(named, fitted)


def test_an_edit_that_broke_the_model_has_no_numbers_but_keeps_its_place(fitted):
    broken = [row(Panel("flip"), fitted, broken=True)]
    (cell,) = dose_data.measured_cells(broken, fitted)
    assert "breaks the model" in dose_data.view(broken, fitted)["cells"][0]["told"]
    assert cell["kl"] is None
    assert cell["harmful_rate"] is None
    assert cell["slot"] == "flip"


def test_what_is_sent_is_json_without_nan(seen):
    def numbers(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [number for each in value for number in numbers(each)]
        return [value] if isinstance(value, float) else []

    assert all(math.isfinite(number) for number in numbers(seen))


def test_the_table_that_is_taken_away_is_the_sweeps_own(rows, tmp_path):
    sweep_table.write(tmp_path / "sweep.csv", rows, {})
    read, _ = sweep_table.load(tmp_path / "sweep.csv")
    assert sweep_table.as_text(read).encode() == (tmp_path / "sweep.csv").read_bytes()
    assert [each["panel"] for each in read] == [each["panel"] for each in rows]
    assert read[0]["kl"] == pytest.approx(rows[0]["kl"])
    assert read[0]["c"] is None


def test_the_shipped_tables_fill_the_figures_though_they_name_fewer_keys():
    for name in folders.available():
        seen = dose_data.view(sweep_table.read(name), store.outline(name))
        (heat, *_) = seen["figures"]["heat"]["harmful_rate"]["traces"]
        assert any(cell is not None for row in heat["z"] for cell in row)
        assert seen["figures"]["curves"]
