import io
import sys
import time
from contextlib import redirect_stderr

import pytest

from steering.artifacts.resumable import Stages
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.system import progress
from steering.system.progress import Step, amount, stage


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log(folder) -> str:
    (path,) = (folder / "logs").iterdir()
    return path.read_text()


def test_without_a_terminal_a_stage_is_told_by_lines_and_in_the_log(capsys, tmp_path):
    with stage("answers", 12, done=2) as running:
        running.advance(10)
    told = capsys.readouterr()
    assert told.out == ""
    first, began, ended = told.err.splitlines()
    assert first == f"progress is kept in {next((tmp_path / 'logs').iterdir())}"
    assert began.endswith("answers: 2 of 12")
    assert ended.endswith("answers: 12 of 12, done after 0 s")
    assert log(tmp_path).splitlines() == [began, ended]
    with stage("maps", 3):
        pass
    assert "progress is kept" not in capsys.readouterr().err


def test_a_stage_that_takes_long_is_told_now_and_then_with_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.1)
    with stage("sweep", 4, done=2) as running:
        running.advance()
        time.sleep(0.35)  # nothing is counted meanwhile: what was told is not told again
    lines = capsys.readouterr().err.splitlines()[2:-1]
    assert len(lines) == 1
    assert lines[0].endswith("sweep: 3 of 4, about 0 s left")
    time.sleep(0.2)
    assert capsys.readouterr().err == ""


def test_where_the_whole_is_not_known_it_is_told_that_the_work_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.1)
    with stage("loading", 0):
        time.sleep(0.35)
    assert 2 <= len(capsys.readouterr().err.splitlines()[2:-1]) <= 3


def test_a_line_is_due_after_a_tenth_of_the_work(capsys):
    with stage("answers", 200, done=100) as running:
        running.advance(19)
        assert not running.is_due
        running.advance(1)
        assert running.is_due
        running.tell()
        assert not running.is_due


def test_the_time_left_does_not_count_what_an_earlier_run_has_done(capsys, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with stage("answers", 100, done=80) as running:
        now[0] += 600.0
        running.advance(5)
        running.tell()
    assert "answers: 85 of 100, about 30 min left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "0 s"), (89, "89 s"), (91, "2 min"), (5000, "83 min"), (7200, "2 h")],
)
def test_times_are_told_in_the_unit_that_suits_them(seconds, told):
    assert progress._duration(seconds) == told


def test_a_stage_that_fails_is_told_as_stopped_and_leaves_no_thread(capsys):
    def fail(running) -> None:
        running.advance()
        raise SteeringError("no")

    with pytest.raises(SteeringError), stage("answers", 3) as running:
        fail(running)
    assert "answers: 1 of 3, stopped after 0 s" in capsys.readouterr().err
    names = [thread.name for thread in progress.threading.enumerate()]
    assert "progress-lines" not in names


def test_on_a_terminal_there_is_a_bar_and_the_lines_are_in_the_log_alone(tmp_path):
    with redirect_stderr(Terminal()) as shown, stage("answers", 2) as running:
        running.advance(2)
    assert "100%" in shown.getvalue()
    assert "answers: 2 of 2" not in shown.getvalue()
    assert "answers: 2 of 2, done" in log(tmp_path)


class Gone(io.StringIO):
    def write(self, _text):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [None, Gone()])
def test_work_goes_on_where_nobody_can_read_of_it(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    with stage("answers", 1) as running:
        running.advance()


def test_work_goes_on_where_no_log_can_be_kept(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "file"))
    with stage("answers", 1) as running:
        running.advance()
    assert "answers: 1 of 1, done" in capsys.readouterr().err
    with pytest.raises(SteeringError, match=r"could not be written.*STEERING_CACHE"):
        Stages(["a"]).lines("words", ["a"], lambda key: {"is": key})


def test_stages_say_what_was_done_before_and_what_is_done_now(capsys):
    stages = Stages(["a"])
    stages.lines("words", ["a", "b"], lambda key: {"is": key})
    capsys.readouterr()
    stages.lines("words", ["a", "b", "c", "c"], lambda key: {"is": key})
    told = capsys.readouterr().err
    assert "words: 2 of 3\n" in told
    assert "words: 3 of 3, done" in told


def test_activations_are_reported_only_if_asked_for(capsys, tiny):
    rows = [tiny.render("Hi"), tiny.render("Why?")]
    capture(tiny, rows, layers=[1], positions=[-1])
    assert capsys.readouterr().err == ""
    capture(tiny, rows, layers=[1], positions=[-1], progress=True)
    assert "activations: 2 of 2, done" in capsys.readouterr().err


def test_how_far_a_step_is_is_said_in_its_unit():
    assert amount(Step("Reading prompts", 3, 8, "prompt")) == "3 of 8"
    assert amount(Step("Downloading", 30_000_000, 120_000_000, "B")) == "30 of 120 MB"
    assert amount(Step("Beginning", 0, 0, "step")) == ""
