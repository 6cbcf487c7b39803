"""What the figures share, and what holds for all of them."""

import json

import plotly.graph_objects as go
import pytest

from steering.ui.dose.figure_parts import SCALES, fixed, number, percent, shrink, stretch


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
