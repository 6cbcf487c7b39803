"""The dose figures as plotly's JSON: what stands where, and that names cover nothing."""

import json
import math

import plotly.graph_objects as go
import pytest

from steering.interventions.panel import Panel
from steering.ui.dose import curve_figure, dose_data, dose_section, frontier_figure, name_places
from steering.ui.dose.figure_parts import SCALES, fixed, number, percent, shrink, stretch
from tests.helpers.doses import row


@pytest.fixture
def seen(rows, fitted):
    return dose_data.view(rows, fitted)


def drawings(seen):
    return [each for figure in seen["figures"].values() for each in figure.values()]


def plain(value):
    """Replace names of colours by a colour, as the browser does."""
    if isinstance(value, str):
        return "#123456" if value.startswith("--") else value
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def test_plotly_knows_every_key_of_every_figure(seen):
    assert len(drawings(seen)) == 5 + 4 * 4 + 2
    for drawing in drawings(seen):
        go.Figure(data=plain(drawing["traces"]), layout=plain(drawing["layout"]))
        if "narrow" in drawing:
            go.Figure(layout=plain(drawing["narrow"]))


def test_the_figures_are_json_and_every_spot_is_a_point_of_its_trace(seen):
    json.dumps(seen, allow_nan=False)
    for drawing in drawings(seen):
        assert drawing["spots"]
        for spot in drawing["spots"]:
            trace = drawing["traces"][spot["curve"]]
            data = trace["customdata"]
            if trace["type"] == "heatmap":
                i, j = spot["point"]
                assert data[i][j] == spot["cell"]
            else:
                assert data[spot["point"]] == spot["cell"]
                assert trace["x"][spot["point"]] == spot["x"]
                assert trace["y"][spot["point"]] == spot["y"]


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


def test_the_list_has_a_line_for_all_seeds_of_a_control(seen):
    several = [line for line in seen["rows"] if "mean of" in line["name"]]
    assert {line["group"] for line in several} == {"random"}
    assert len(several) == 2
    assert several[0]["rate"] == "50 %"
    assert several[0]["kl"] == "0.10"


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("size", [(320, 380), (700, 400), (1000, 520)])
@pytest.mark.parametrize("unit", ["rate", "score"])
def test_names_cover_neither_each_other_nor_a_named_point(size, unit, fitted):
    forms = [Panel("flip"), Panel("nullspace"), Panel("ablation"), Panel("actadd", c=-1.0)]
    made = [row(Panel("baseline"), fitted, label="baseline", rate=0.9, kl=0.0)]
    made += [
        row(panel, fitted, label=panel.name, rate=0.1 + 0.01 * i, kl=0.05 + 0.002 * i)
        for i, panel in enumerate(forms)
    ]
    cells, points = dose_data.measured_cells(made, fitted), dose_data.frontier(made)
    found = name_places.names(cells, points, unit, size)
    assert len(found) == len(made)
    board = name_places._Board(cells, unit, size)
    boxes = [
        board.name_box(point["cell"], each["text"], (each["ax"], each["ay"]))
        for point, each in zip(points, found, strict=True)
    ]
    marks = [box for point in points for box in board.boxes(point)]
    for i, box in enumerate(boxes):
        assert board.holds(box)
        assert not any(overlap(box, other) for other in (*marks, *boxes[i + 1 :]))


def test_a_narrow_board_has_the_numbers_of_the_list(rows, fitted):
    cells, points = dose_data.measured_cells(rows, fitted), dose_data.frontier(rows)
    found = name_places.names(cells, points, "rate", (340, 900))
    lines = frontier_figure.listed(points)
    assert {each["text"] for each in found} <= {str(i) for i in range(1, len(lines) + 1)}
    assert found


class Engine:
    def __init__(self, sweep, outline):
        self.sweep, self.outline = sweep, outline


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        {"unit": "rate", "width": "wide", "height": 400},
        {"unit": "rate", "width": math.nan, "height": 400},
        {"unit": "rate", "width": 1e9, "height": 400},
        {"unit": "panel", "width": 800, "height": 400},
    ],
)
def test_a_question_that_is_none_gets_no_names(asked, rows, fitted):
    kept = dose_section.Cells()
    engine = Engine(tuple(rows), fitted)
    assert dose_section.named(engine, kept, asked) == []
    assert dose_section.named(engine, kept, {"unit": "rate", "width": 800, "height": 400})


def test_numbers_are_said_as_people_write_them():
    assert [number(value) for value in (0, 0.0123, 0.5, 12.5, -0.2)] == [
        "0",
        "0.012",
        "0.50",
        "13",
        "−0.20",
    ]
    assert (fixed(-0.04, 1), fixed(-0.06, 1), fixed(0.25, 1)) == ("0.0", "−0.1", "0.3")
    assert (percent(0.125), percent(0.995)) == ("13 %", "100 %")


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_scale_goes_there_and_back_and_holds_what_it_shows(scale):
    for value in (0.05, 0.4, 0.9):
        assert scale.back(scale.place(value)) == pytest.approx(value)
    places = [scale.place(value) for value in (0.05, 0.4, 0.9)]
    low, high = scale.ends(places)
    assert low <= min(places) < max(places) <= high
    low, high = scale.ends([])
    assert low < high
    assert shrink(stretch(2.5)) == pytest.approx(2.5)
