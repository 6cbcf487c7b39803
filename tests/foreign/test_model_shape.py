import pytest

from steering.errors import SteeringError
from steering.foreign.foreign_directions import shape_of
from tests.helpers import foreign


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 7, "hidden_size": 48},
        {"text_config": {"num_hidden_layers": 7, "hidden_size": 48}, "hidden_size": 9},
        {"n_layer": 7, "n_embd": 48},
    ],
)
def test_the_width_of_a_model_is_read_from_its_config(config, tmp_path) -> None:
    found = shape_of(foreign.model_folder(tmp_path / "model", config))
    assert (found.n_layers, found.d_model) == (7, 48)


def test_the_catalog_knows_the_width_without_any_file() -> None:
    assert (shape_of("google/gemma-2b-it").n_layers, shape_of("gemma-2b-it").d_model) == (18, 2048)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("org/never-fetched", "fetch it first"),
        ("no such model", "unknown model"),
        ("", "unknown model"),
    ],
)
def test_a_model_whose_width_cannot_be_known_is_named(name, told) -> None:
    with pytest.raises(SteeringError, match=told):
        shape_of(name)


@pytest.mark.parametrize("config", [{}, [], {"hidden_size": "wide", "num_hidden_layers": 4}])
def test_a_config_that_does_not_say_the_width_is_named(config, tmp_path) -> None:
    with pytest.raises(SteeringError, match=r"config\.json (does not say|holds a JSON list)"):
        shape_of(foreign.model_folder(tmp_path / "model", config))
