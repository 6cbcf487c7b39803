"""The document of a bench, on a tiny model."""

import json

import pytest

from steering.bench import bench as benches
from steering.bench.bench import bench, table
from steering.bench.suites import SUITE_BY_NAME, Subject
from steering.errors import SteeringError
from steering.maps.steerable_model import SteerableModel


@pytest.mark.parametrize("suite", SUITE_BY_NAME)
def test_a_bench_gives_ratios_with_their_spread_and_says_of_what(tiny, fitted, suite):
    document = bench(Subject(SteerableModel(tiny, fitted), tiny, 4), suite, rounds=3)
    assert json.loads(json.dumps(document)) == document
    assert document["rows"]
    for row in document["rows"]:
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
        assert row["met"] == (None if row["goal"] is None else row["ratio"] <= row["goal"])
    assert document["machine"]["processor"]
    shown = table(document)
    for row in document["rows"]:
        assert f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})" in shown


def test_an_unknown_suite_is_refused(tiny, fitted):
    with pytest.raises(SteeringError, match="unknown suite 'speed'; allowed: decode"):
        bench(Subject(SteerableModel(tiny, fitted), tiny, 4), "speed")


def test_a_goal_that_is_missed_is_said(tiny, fitted):
    document = bench(Subject(SteerableModel(tiny, fitted), tiny, 4), "hooks", rounds=3)
    document["rows"][0] |= {"goal": 0.001, "met": False}
    assert "goal 0.00  missed" in table(document)


def test_a_machine_without_a_list_of_its_processors_is_named_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(benches, "Path", lambda _: tmp_path / "missing")
    assert benches._processor()
