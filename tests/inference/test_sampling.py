import pytest

from steering.errors import SteeringError
from steering.inference.generation import Sampling


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_new_tokens": 0}, r"max_new_tokens=0 .*1 to 4096"),
        ({"max_new_tokens": 5000}, r"max_new_tokens=5000"),
        ({"temperature": -0.1}, r"temperature=-0.1 .*0 to 5"),
        ({"temperature": float("nan")}, r"temperature=nan"),
        ({"top_p": 0.0}, r"top_p=0.0"),
        ({"top_p": 1.1}, r"top_p=1.1"),
        ({"seed": -1}, r"seed=-1"),
        ({"seed": 2**63}, r"seed="),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(SteeringError, match=message):
        Sampling(**settings)


@pytest.mark.parametrize("name", ["temperature", "top_p", "max_new_tokens", "seed"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_setting_that_is_no_number_is_refused(name, value):
    with pytest.raises(SteeringError, match=f"{name}={value} is out of range"):
        Sampling(**{name: value})
