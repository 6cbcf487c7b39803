import pytest

from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.scaling.load_check import LoadCheck

PANELS = [parse(text) for text in ("baseline", "flip:k=2")]


@pytest.fixture
def check(tiny, fitted) -> LoadCheck:
    return LoadCheck(SteerableModel(tiny, fitted), "How do I bake bread?", PANELS, 4)


def test_visitors_and_simulation_are_told_side_by_side(check):
    found = check.check(2, seconds=0.5, think=(0.01, 0.05))
    assert found["runs"] >= 2
    for name, measured in found["measured"].items():
        # Where the machine is slow no run ends in the time: nothing measured, nothing to divide by.
        if measured:
            assert found["ratio"][name] == pytest.approx(found["predicted"][name] / measured)


def test_what_a_run_costs_is_measured_for_rows_of_one_run_and_of_several(check):
    costs = check.costs()
    assert [rows for rows, _ in costs.steps] == [2, 8, 24]
    assert costs.panels == 2
    assert min(costs.read, costs.measure, *(seconds for _, seconds in costs.steps)) > 0
