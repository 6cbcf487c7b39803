"""Suppression against damage."""

from steering.interventions.panel import parse
from steering.ui.dose import dose_data, frontier_figure, name_places
from steering.ui.dose.capability_join import Beside
from steering.ui.dose.costs import FrontAxes
from tests.helpers.capabilities import document
from tests.helpers.doses import row


def test_the_list_has_a_line_for_all_seeds_of_a_control(seen):
    several = [line for line in seen["rows"] if "mean of" in line["name"]]
    assert {line["group"] for line in several} == {"random"}
    assert len(several) == 2
    assert several[0]["rate"] == "50 %"
    assert several[0]["kl"] == "0.10"


def test_a_narrow_board_has_the_numbers_of_the_list(rows, fitted):
    cells = dose_data.measured_cells(rows, fitted)
    points = dose_data.frontier(rows, cells)
    found = name_places.names(cells, points, FrontAxes("rate"), (340, 900))
    lines = frontier_figure.listed(points)
    assert {each["text"] for each in found} <= {str(i) for i in range(1, len(lines) + 1)}
    assert found


def test_against_knowledge_points_have_intervals_in_both_directions_and_controls_are_faint(fitted):
    forms = {"baseline": 0.9, "flip:k=1": 0.2, "flip:basis=random": 0.8, "ablation": 0.1}
    made = [
        row(parse(form), fitted, rate=rate, label=form if form != "ablation" else None)
        for form, rate in forms.items()
    ]
    shares = {"baseline": 0.5, "flip:k=1": 0.45, "flip:basis=random": 0.4, "ablation": 0.3}
    beside = Beside(document(shares))
    figures = dose_data.view(made, fitted, beside)["figures"]["frontier"]
    assert list(figures) == ["rate kl", "rate questions", "score kl", "score questions"]
    others, *named, front = figures["rate questions"]["traces"]
    by_name = {trace["name"]: trace for trace in named}
    flip, control = by_name["flip:k=1"], by_name["flip:basis=random"]
    assert (flip["x"], flip["y"]) == ([0.45], [0.2])
    for bars in (flip["error_x"], flip["error_y"], others["error_x"], others["error_y"]):
        assert bars["array"] == bars["arrayminus"] == [0.05]
    assert flip["error_x"]["visible"]
    assert not control["error_x"]["visible"]
    assert control["marker"]["opacity"] < flip["marker"]["opacity"] == 1
    # Ablation refuses least, the untouched model knows most; the line goes through all three.
    assert (front["x"], front["y"]) == ([0.3, 0.45, 0.5], [0.1, 0.2, 0.9])
    assert not any(trace["name"] == "front" for trace in figures["rate kl"]["traces"])
    flips = dose_data.view(made, fitted, beside)["rows"]
    assert next(each for each in flips if each["name"] == "flip:k=1")["questions"] == "45 %"


def test_without_knowledge_there_is_damage_alone(seen):
    assert list(seen["figures"]["frontier"]) == ["rate kl", "score kl"]
    assert {each["questions"] for each in seen["rows"]} == {"–"}
