"""Whoever begins too many runs is told so on the page, and no run begins."""

from types import SimpleNamespace

import pytest

from steering.serving.allowance import Allowance
from steering.ui import door
from tests.helpers.built_page import text_of


def asked_by(address, **headers):
    return SimpleNamespace(client=SimpleNamespace(host=address), headers=headers)


@pytest.fixture
def limited(engine):
    before, engine.allowance = engine.allowance, Allowance(2)
    yield engine
    engine.allowance = before


def test_a_run_too_many_never_begins_and_is_a_sentence(limited, made):
    begun = []

    def running():
        begun.append("run")
        yield {}

    ann, bob = asked_by("192.0.2.1"), asked_by("192.0.2.2")
    refused = limited.counts.refused
    for _ in range(2):
        assert list(door.let_in(made, limited, ann, running())) == [{}]
    (told,) = door.let_in(made, limited, ann, running())
    assert "2 runs a minute are what one address may begin here" in text_of(told[made.note])
    assert 'role="alert"' in told[made.note]
    assert len(begun) == 2
    assert limited.counts.refused == refused + 1
    assert list(door.let_in(made, limited, bob, running())) == [{}]


def test_recordings_take_nothing(limited, made, monkeypatch):
    monkeypatch.setattr(limited, "status", SimpleNamespace(phase="recorded"))
    for _ in range(5):
        assert list(door.let_in(made, limited, asked_by("192.0.2.1"), iter([{}]))) == [{}]
