"""`bench` on the command line."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

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


def test_the_suite_gpu_runs_tiny_where_it_is_asked_to(loaded, capsys, monkeypatch):
    monkeypatch.setattr(bench_commands.gpu.torch.cuda, "is_available", lambda: False)
    assert main(["bench", "--suite", "gpu"]) == 2
    assert "needs a CUDA GPU" in capsys.readouterr().err
    options = ["--device", "cpu", "--rounds", "3", "--max-new-tokens", "2"]
    assert main(["bench", "--suite", "gpu", *options]) == 0
    assert "ablations at all layers, 5 rows" in capsys.readouterr().out


MACHINE = ["--model", "tiny", "--dtype", "float32", "--thinking", "off"]


def test_the_app_of_the_suite_start_is_the_one_that_was_asked_for(monkeypatch, capsys):
    told = {}
    monkeypatch.setattr(
        bench_commands.start,
        "measure",
        lambda options, **more: told.update(more, options=options),
    )
    assert main(["bench", "--suite", "start", "--max-new-tokens", "8", *MACHINE]) == 0
    assert set(MACHINE) <= set(told["options"])
    assert (told["model"], told["tokens"], told["rounds"]) == ("tiny", 8, 5)


def test_visitors_come_to_an_app_that_tells_of_its_steps(monkeypatch, capsys):
    told = {}

    @contextmanager
    def serving(options, settings):
        told.update(options=options, **settings)
        yield SimpleNamespace(wait_for_page=lambda: told.update(waited=True))

    monkeypatch.setattr(bench_commands, "serving", serving)
    monkeypatch.setattr(
        bench_commands.visitors, "watch", lambda app, crowd, *, tokens: told.update(crowd=crowd)
    )
    monkeypatch.setattr(bench_commands.crowd_report, "report", lambda *_, **more: more)
    monkeypatch.setattr(bench_commands, "show", print)
    given = ["--visitors", "8", "--minutes", "1.5", "--json", *MACHINE]
    assert main(["bench", "--suite", "visitors", *given]) == 0
    said = {"model": "tiny", "tokens": 48, "device": "cpu"}
    assert json.loads(capsys.readouterr().out) == said
    assert (told["crowd"].visitors, told["crowd"].minutes) == (8, 1.5)
    assert (told["STEERING_LOG"], told["STEERING_MAX_NEW_TOKENS"]) == ("debug", "48")
    assert told["waited"]
    assert set(MACHINE) <= set(told["options"])


@pytest.mark.parametrize(("asked", "named"), [(None, "cuda"), ("cuda:1", "cuda"), ("cpu", "cpu")])
def test_visitors_of_a_gpu_are_told_as_such(monkeypatch, asked, named):
    monkeypatch.setattr(bench_commands.torch.cuda, "is_available", lambda: True)
    assert bench_commands._device_of(asked) == named


def test_without_a_gpu_visitors_are_the_cpus(monkeypatch):
    monkeypatch.setattr(bench_commands.torch.cuda, "is_available", lambda: False)
    assert bench_commands._device_of(None) == "cpu"


def test_a_crowd_that_shows_nothing_is_refused_before_anything_starts(capsys):
    assert main(["bench", "--suite", "visitors", "--visitors", "2"]) == 2
    assert "show nothing" in capsys.readouterr().err
