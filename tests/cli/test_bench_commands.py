"""`bench` on the command line."""

import json

import pytest

from steering.cli import bench_commands
from steering.cli.main import main


@pytest.fixture
def loaded(monkeypatch, tiny, fitted):
    monkeypatch.setattr(bench_commands.store, "load", lambda *_: fitted)
    monkeypatch.setattr(bench_commands.shared, "load", lambda _: tiny)


def test_a_suite_prints_its_table(loaded, capsys):
    assert main(["bench", "--suite", "hooks", "--rounds", "3", "--max-new-tokens", "3"]) == 0
    assert "edited everywhere / edited at the last block" in capsys.readouterr().out


def test_a_suite_prints_one_json_document(loaded, capsys):
    arguments = ["bench", "--suite", "prefill", "--rounds", "3", "--max-new-tokens", "3", "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["suite"] == "prefill"


def test_an_unknown_suite_or_too_few_rounds_are_refused(loaded, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--suite", "speed"])
    assert main(["bench", "--suite", "hooks", "--rounds", "2"]) == 2
    assert "rounds=2 is too few" in capsys.readouterr().err
