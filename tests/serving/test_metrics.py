"""What is counted of runs, and how it is told."""

import pytest

from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.serving.engine import Engine, Supply
from steering.serving.metrics import FIRST_WORD_BOUNDS, Exposition, RunCounts
from steering.serving.visitor_line import Run

SECRET = "a-word-of-a-request"


def idle(**more):
    return Engine("tiny", Supply(None, lambda _: None, lambda _: ()), **more)


def told(engine):
    """Return the numbers of /metrics by name and labels."""
    lines = Exposition(engine).text()[0].decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def written(*tokens, text="word", begun=0):
    for count in tokens:
        yield tuple(
            Answer("baseline", text if count else "", tokens=each, begun=begun)
            for each in (count, 2 * count)
        )


def test_runs_are_counted_as_they_come_and_go_and_are_turned_away():
    engine = idle(capacity=1)
    with engine.run("ann"), engine.run("bob"):
        with pytest.raises(SteeringError), engine.run("cy"):
            pass
        numbers = told(engine)
        assert numbers["steering_queue_length"] == 1
    assert numbers["steering_runs_begun_total"] == 2
    assert numbers["steering_runs_refused_total"] == 1
    assert numbers["steering_runs_ended_total"] == 0
    after = told(engine)
    assert after["steering_runs_ended_total"] == after["steering_runs_begun_total"] == 2
    assert after["steering_queue_length"] == 0


def test_a_run_that_fails_has_ended_too():
    engine = idle()
    with pytest.raises(KeyError), engine.run("ann"):
        raise KeyError
    assert told(engine)["steering_runs_ended_total"] == 1


def test_tokens_of_all_panels_are_counted_once_however_often_they_are_told():
    counts = RunCounts()
    assert len(list(counts.watched(written(0, 1, 3, 3), Run()))) == 4
    assert counts.tokens == 9
    # What was given as a beginning is nobody's writing.
    list(counts.watched(written(4, begun=1), Run()))
    assert counts.tokens == 9 + 12 - 2


def test_the_first_word_is_counted_once_a_run_and_not_before_there_is_one(monkeypatch):
    monkeypatch.setattr("steering.serving.metrics.time.monotonic", lambda: 103.0)
    counts = RunCounts()
    run = Run(came=100.0)
    growing = counts.watched(written(0, 1, 2), run)
    next(growing)
    assert sum(counts.first_words) == 0
    list(growing)
    ends, seconds = counts.first_word_histogram()
    assert seconds == 3.0
    assert [runs for _, runs in ends] == [int(bound >= 3) for bound in FIRST_WORD_BOUNDS] + [1]
    list(counts.watched(written(1, 2, text=""), Run(came=100.0)))
    assert sum(counts.first_words) == 1
    list(counts.watched(written(1, 2), run))  # begun again, after its replica was lost
    assert sum(counts.first_words) == 1


def test_closing_what_is_watched_closes_what_writes():
    growing = written(1, 2, 3)
    watched = RunCounts().watched(growing, Run())
    next(watched)
    watched.close()
    assert growing.gi_frame is None


def test_the_histogram_is_told_as_prometheus_reads_it():
    engine = idle()
    for seconds in (0.1, 0.3, 500.0):
        engine.counts.first_word(seconds)
    numbers = told(engine)
    buckets = [f'steering_first_word_seconds_bucket{{le="{e}"}}' for e in ("0.25", "0.5", "+Inf")]
    assert [numbers[each] for each in buckets] == [1, 2, 3]
    assert numbers["steering_first_word_seconds_count"] == 3
    assert numbers["steering_first_word_seconds_sum"] == pytest.approx(500.4)


def test_each_app_has_numbers_of_its_own():
    one, other = idle(), idle()
    with one.run("ann"):
        pass
    assert told(one)["steering_runs_begun_total"] == 1
    assert told(other)["steering_runs_begun_total"] == 0


def test_no_word_and_no_visitor_is_in_the_numbers():
    engine = idle()
    with engine.run(SECRET) as run:
        growing = iter([(Answer(SECRET, SECRET, tokens=1, thinking=SECRET),)])
        list(engine.counts.watched((each for each in growing), run))
        said, media_type = Exposition(engine).text()
    assert SECRET.encode() not in said
    assert media_type.startswith("text/plain; version=")
