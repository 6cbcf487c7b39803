"""The document of a bench, on a tiny model."""

import json

import pytest

from steering.bench.bench import bench
from steering.bench.bench_document import table
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
