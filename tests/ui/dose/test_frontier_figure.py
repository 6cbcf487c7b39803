"""Suppression against damage."""

from steering.ui.dose import dose_data, frontier_figure, name_places


def test_the_list_has_a_line_for_all_seeds_of_a_control(seen):
    several = [line for line in seen["rows"] if "mean of" in line["name"]]
    assert {line["group"] for line in several} == {"random"}
    assert len(several) == 2
    assert several[0]["rate"] == "50 %"
    assert several[0]["kl"] == "0.10"


def test_a_narrow_board_has_the_numbers_of_the_list(rows, fitted):
    cells = dose_data.measured_cells(rows, fitted)
    points = dose_data.frontier(rows, cells)
    found = name_places.names(cells, points, "rate", (340, 900))
    lines = frontier_figure.listed(points)
    assert {each["text"] for each in found} <= {str(i) for i in range(1, len(lines) + 1)}
    assert found
