"""What a model costs is said before anything is fetched."""

import pytest

from steering.serving import cost
from steering.sources import catalog, weights


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(weights, "cached", lambda name: None)
    monkeypatch.setattr(cost.os, "cpu_count", lambda: 2)


def test_the_default_model_takes_what_was_measured():
    said = cost.sentence(catalog.DEFAULT_MODEL)
    assert "0.5 GB to fetch" in said
    assert "2.5 GB of memory in float32" in said
    assert f"about {cost.MINUTES:.0f} minutes on 2 processor cores" in said


def test_minutes_grow_with_weights_and_fall_with_cores(monkeypatch):
    assert "about 4 hours on 2 processor cores" not in cost.sentence("qwen1.5-1.8b-chat")
    large = cost.sentence("llama-2-7b-chat")
    assert "hours on 2 processor cores" in large
    assert "its licence has to be accepted on the hub first" in large
    monkeypatch.setattr(cost.os, "cpu_count", lambda: 64)
    assert "minutes on 64 processor cores" in cost.sentence("llama-2-7b-chat")


def test_what_is_here_already_is_not_fetched(monkeypatch):
    monkeypatch.setattr(weights, "cached", lambda name: object())
    assert "to fetch" not in cost.sentence(catalog.DEFAULT_MODEL)


def test_a_model_that_nobody_knows_is_said_to_be_of_unknown_size():
    assert cost.sentence("org/name").startswith("How large it is is not known here")
