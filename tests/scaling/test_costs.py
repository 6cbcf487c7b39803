import json

import pytest

from steering.errors import SteeringError
from steering.scaling.costs import MACHINES, Costs

PLAIN = {"read": 1, "measure": 0, "place": 0, "between": 0, "room": 9, "panels": 5}


def test_between_measured_rows_and_beyond_them_lie_straight_lines():
    costs = Costs.of({**PLAIN, "steps": [[1, 1.0], [5, 3.0], [10, 13.0]]})
    assert [costs.step(rows) for rows in (1, 3, 5, 6, 20)] == [1.0, 2.0, 3.0, 5.0, 33.0]
    assert Costs.of({**PLAIN, "steps": [[5, 2.0]]}).step(100) == 2.0


def test_costs_come_back_from_a_file():
    for machine in MACHINES.values():
        assert Costs.of(json.loads(json.dumps(vars(machine.costs)))) == machine.costs


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": []},
        {"steps": [[5, 1], [1, 2]]},
        {"steps": [[1, -1.0]]},
        {"steps": 3},
        {"room": 0},
        {"panels": 0},
    ],
)
def test_what_nobody_can_have_measured_is_refused(wrong):
    with pytest.raises(SteeringError, match=r"steps .* (rising|seconds)"):
        Costs.of({**PLAIN, "steps": [[1, 1.0]], **wrong})
    for other in ({"steps": [[1, 1.0]]}, [], {**PLAIN, "steps": [[1, 1.0]], "more": 1}):
        with pytest.raises(SteeringError, match="cannot be read"):
            Costs.of(other)
    with pytest.raises(SteeringError, match="no time is"):
        Costs.of({**PLAIN, "steps": [[1, 1.0]], "read": float("nan")})
