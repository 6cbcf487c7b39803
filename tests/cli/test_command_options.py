"""Options that commands share."""

import pytest

from steering.cli.main import parser
from steering.defaults import SUITES


@pytest.mark.parametrize("command", ["precompute", "evaluate", "sweep", "serve", "bench"])
def test_every_command_that_loads_a_model_takes_a_number_format(command):
    found = parser().parse_args([command, "--dtype", "float32", "--device", "cpu"])
    assert (found.dtype, found.device) == ("float32", "cpu")


@pytest.mark.parametrize("variable", ["STEERING_DTYPE", "STEERING_QUANTIZATION", "STEERING_DEVICE"])
def test_what_is_not_said_comes_from_the_environment(monkeypatch, variable):
    monkeypatch.setenv(variable, "asked")
    found = parser().parse_args(["bench"])
    assert getattr(found, variable.removeprefix("STEERING_").lower()) == "asked"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_counts_are_positive_integers(text, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["bench", "--rounds", text])
    assert "is not a positive integer" in capsys.readouterr().err


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_can_be_asked_for(suite):
    assert parser().parse_args(["bench", "--suite", suite]).suite == suite


@pytest.mark.parametrize("command", [["generate", "--prompt", "x"], ["locate", "--prompt", "x"]])
def test_commands_that_play_take_a_speed_and_those_that_measure_have_none(
    command, monkeypatch, capsys
):
    assert parser().parse_args(command).speed == "auto"
    assert parser().parse_args([*command, "--speed", "fast"]).speed == "fast"
    monkeypatch.setenv("STEERING_SPEED", "exact")
    assert parser().parse_args(command).speed == "exact"
    assert parser().parse_args(["serve"]).speed == "exact"
    for measuring in ("evaluate", "sweep", "precompute", "transfer", "bench"):
        with pytest.raises(SystemExit):
            parser().parse_args([measuring, "--speed", "fast"])
        assert not hasattr(parser().parse_args([measuring]), "speed")
    assert "--speed" in capsys.readouterr().err


def test_the_harm_axis_is_read_by_its_former_name_which_was_no_lda():
    def chosen(*words):
        return parser().parse_args(["locate", "--prompt", "a", *words]).map

    assert chosen() == chosen("--map", "harm") == chosen("--map", "lda") == "harm"
    assert chosen("--map", "pca") == "pca"
    with pytest.raises(SystemExit):
        chosen("--map", "tsne")
