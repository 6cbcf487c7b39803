"""Commands in sentences are called as whoever started the program calls them."""

import sys

import pytest

from steering import program
from steering.cli.main import main, parser
from steering.errors import SteeringError

SENTENCE = "make them with `python -m steering precompute`, not with `python -m steering.x.convert`"


@pytest.mark.parametrize(
    ("started", "name"),
    [
        ("/usr/lib/steering/__main__.py", "python -m steering"),
        ("/home/me/.local/bin/refusal-steering", "refusal-steering"),
        ("refusal-steering.exe", "refusal-steering"),
        ("/usr/bin/pytest", "python -m steering"),
        ("", "python -m steering"),
    ],
)
def test_usage_and_errors_name_the_command_that_was_started(monkeypatch, capsys, started, name):
    monkeypatch.setattr(sys, "argv", [started])
    expected = SENTENCE.replace("python -m steering ", f"{name} ")
    assert program.named(SENTENCE) == str(SteeringError(SENTENCE)) == expected
    assert f"{SteeringError(SENTENCE)}" == expected
    assert parser().format_usage().startswith(f"usage: {name} ")
    assert main(["results", "--model", "no-such-model"]) == 2
    assert f"`{name} evaluate --model no-such-model`" in capsys.readouterr().err


def test_a_program_without_arguments_of_its_own_is_the_module(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    assert program.name() == "python -m steering"
