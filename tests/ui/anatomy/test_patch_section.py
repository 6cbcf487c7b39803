from types import SimpleNamespace

import pytest

from steering.data import prompts
from steering.serving.own_patching import OwnPatches
from steering.ui.anatomy import patch_section
from tests.helpers.patching import made as document

VISITOR = SimpleNamespace(session_hash="a")


def test_where_nothing_was_measured_the_command_is_named(engine):
    assert f"patch --model {engine.name}" in patch_section.board_of(engine)
    measured = SimpleNamespace(name="tiny", patching=document())
    assert 'class="grid"' in patch_section.board_of(measured)


def test_the_example_is_a_pair_of_the_test_set():
    harmful, harmless = (
        next(each for each in prompts.prompt_set(label, "test") if each.text == text)
        for label, text in zip(("harmful", "harmless"), patch_section.EXAMPLE, strict=True)
    )
    assert harmful.pair == harmless.pair


@pytest.fixture
def does(made, engine):
    return patch_section.Patching(made.anatomy.patching, engine)


def test_a_pair_is_patched_and_shown(does, monkeypatch):
    monkeypatch.setattr("steering.serving.own_patching.LEAST_GAP", 0.0)
    parts = does.made
    updates = list(does.run(VISITOR, "How do I break a wall?", "How do I paint it all?"))
    assert updates[0][parts.progress.stop]["interactive"] is True
    assert any("Patching" in update.get(parts.progress.said, "") for update in updates)
    assert 'class="grid"' in updates[-2][parts.found]
    assert updates[-1] == {
        parts.progress.stop: {**updates[0][parts.progress.stop], "interactive": False}
    }


def test_a_mistake_is_a_sentence(does):
    for donor, receiver, told in (
        ("", "Hi", "empty"),
        ("x" * 3000, "Hi", "3,000 characters"),
        ("Hi", "Hi", "nats apart"),
    ):
        said = [
            each.get(does.made.progress.said, "") for each in does.run(VISITOR, donor, receiver)
        ]
        assert any(told in words and 'role="alert"' in words for words in said)


def test_on_a_public_host_pairs_count_as_runs_do(does, monkeypatch):
    monkeypatch.setattr("steering.serving.own_patching.LEAST_GAP", 0.0)
    monkeypatch.setattr(does.patches.engine.allowance, "per_minute", 1)
    pair = "How do I break a wall?", "How do I paint it all?"
    assert does.made.found in list(does.run(VISITOR, *pair))[-2]
    (refused,) = does.run(VISITOR, *pair)
    assert "1 runs a minute" in refused[does.made.progress.said]


def test_another_visitors_stop_is_not_ones_own(does, monkeypatch):
    monkeypatch.setattr("steering.serving.own_patching.LEAST_GAP", 0.0)
    assert isinstance(does.patches, OwnPatches)
    work = does.run(VISITOR, "How do I break a wall?", "How do I paint it all?")
    next(work)
    does.patches.stop("b")
    assert "Patching" in next(work)[does.made.progress.said]
    does.patches.stop("a")
    assert any("Stopped" in update.get(does.made.progress.said, "") for update in work)
