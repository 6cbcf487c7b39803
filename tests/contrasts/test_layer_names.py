import pytest

from steering.contrasts.layer_names import layers_named
from steering.errors import SteeringError


def test_layers_are_read_as_they_are_written():
    assert layers_named("8, 12,16") == (8, 12, 16)
    assert layers_named("  ") is None


@pytest.mark.parametrize("text", ["8;12", "-1", "8,", "all", "1.5", "٥"])
def test_what_is_no_list_of_layers_is_an_error(text):
    with pytest.raises(SteeringError, match="no list of block inputs"):
        layers_named(text)
