import pytest

from steering.cli import request_commands
from steering.cli.main import main
from steering.errors import NotFittedError, SteeringError


@pytest.mark.parametrize("kind", [SteeringError, NotFittedError])
def test_what_a_visitor_can_mend_is_told_and_a_bug_goes_up(capsys, monkeypatch, kind):
    def fail(error: Exception):
        def models(_options):
            raise error

        return models

    monkeypatch.setattr(request_commands, "models", fail(kind("k=9 is out of range")))
    assert main(["models"]) == 2
    assert capsys.readouterr().err == "error: k=9 is out of range\n"
    monkeypatch.setattr(request_commands, "models", fail(KeyError("bug")))
    with pytest.raises(KeyError):
        main(["models"])
