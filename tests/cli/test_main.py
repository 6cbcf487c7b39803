import os
import sys

import pytest

from steering.cli.main import main
from steering.models import loading

# generate


def test_a_reader_who_has_seen_enough_is_no_error(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["models"]) == 0


def test_a_stop_by_the_user_is_neither_an_error_nor_a_traceback(capsys, directions, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load", stopped)
    assert main(["generate", "--directions", directions, "--prompt", "Hi"]) == 130
    assert "stopped" in capsys.readouterr().err


# sweep


def test_a_limit_of_zero_is_refused_by_the_parser(capsys, directions, files):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "--directions", directions, *files, "--limit", "0"])
    assert caught.value.code == 2
    assert "0 is not a positive integer" in capsys.readouterr().err
