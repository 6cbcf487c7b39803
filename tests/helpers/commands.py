"""Run a command as a user does, and read what it prints."""

import json

import pytest

from steering.artifacts import folders
from steering.cli.main import main
from steering.sources import catalog

DEFAULT_IS_SHIPPED = pytest.mark.skipif(
    catalog.DEFAULT_MODEL not in folders.available(), reason="no directions are shipped"
)


def refused(capsys, *arguments: str) -> str:
    """Run a command that has to fail and return what it tells the user."""
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    return told.err


def document(capsys, *arguments: str):
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)
