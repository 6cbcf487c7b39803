"""Timing in turn."""

import pytest

from steering.bench import rounds
from steering.bench.rounds import Rounds, interleaved
from steering.errors import SteeringError


def test_contenders_take_turns_and_each_is_warm_before_the_first_round():
    ran = []
    found = interleaved({name: lambda name=name: ran.append(name) for name in "abc"}, 3)
    assert "".join(ran) == "abc" + "abc" + "bca" + "cab"
    assert {name: len(seconds) for name, seconds in found.seconds.items()} == dict.fromkeys(
        "abc", 3
    )


def test_the_warming_up_is_not_timed(monkeypatch):
    clock, worked = iter(range(100)), []
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: next(clock))
    assert interleaved({"a": lambda: worked.append(1)}, 4).seconds == {"a": [1, 1, 1, 1]}
    assert len(worked) == 5


def test_its_progress_is_told_where_there_is_no_terminal(capsys):
    interleaved({"a": lambda: None, "b": lambda: None}, 3)
    said = capsys.readouterr().err
    assert "warming up: 2 of 2, done" in said
    assert "rounds: 3 of 3, done" in said


def test_a_ratio_is_taken_within_each_round():
    # Both drift by a factor of three; their ratio does not.
    found = Rounds({"one": [1.0, 3.0, 2.0], "other": [2.0, 6.0, 4.4]})
    ratio = found.ratio("one", "other")
    assert (ratio.median, ratio.low, ratio.high) == (0.5, 2.0 / 4.4, 0.5)
    assert found.median("one") == 2.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_rounds_are_refused(count):
    with pytest.raises(SteeringError, match=rf"rounds={count} is too few .* 3 and more"):
        interleaved({"a": lambda: None}, count)
