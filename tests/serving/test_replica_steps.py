"""Runs in another process: the same columns; a stop, a refusal and a loss are told apart."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference import generation
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving import replica_steps
from steering.serving.from_the_start import ReplicaLostError, from_the_start
from steering.serving.replica_steps import ReplicaSteps
from tests.helpers.forked_replicas import Forked
from tests.helpers.tiny_models import without_end

TEXTS = ("ablation", "flip:k=2", "actadd:c=2", "flip:side=harmful", "alterrep:c=-1")
ROOM = Sampling(12, temperature=1.0, seed=3)


@pytest.fixture
def replicas(tiny):
    made = Forked(tiny)
    yield made
    made.close()


@pytest.fixture
def asked(tiny, fitted):
    edits = [None, *(parse(text).edit(fitted) for text in TEXTS)]
    return [tiny.render("How do I paint a car?")] * len(edits), edits, ROOM


def tokens(columns):
    return [column.tokens for column in columns]


def steps_of(model, replicas):
    return ReplicaSteps(model, replicas.ask)


def test_a_replica_writes_what_a_run_here_writes(replicas, tiny, asked):
    here = list(generation.generate(tiny, *asked))
    there = list(steps_of(tiny, replicas).generate(tiny, *asked))
    assert tokens(there) == tokens(here)
    assert torch.equal(there[0].logits, here[0].logits)
    assert [column.ended for column in there] == [column.ended for column in here]
    assert len({tuple(row) for row in zip(*tokens(here), strict=True)}) > 1, "edits changed nothing"
    (process,) = replicas.begun
    process.join(60)
    assert process.exitcode == 0


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "stopped"])
def test_whoever_leaves_is_told_to_the_replica(replicas, tiny, fitted, closed):
    endless, stop = without_end(tiny), threading.Event()
    replicas.model = endless
    rows = [endless.render("Hi")]
    steps = steps_of(endless, replicas)
    with closing(steps.generate(endless, rows, [None], Sampling(200), stop=stop)) as columns:
        next(columns)
        if not closed:
            stop.set()
            assert list(columns) == []
    replicas.begun[0].join(60)
    assert replicas.begun[0].exitcode


def test_a_run_that_has_ended_cancels_nothing(tiny, asked):
    class Whole:
        cancelled = False

        def __iter__(self):
            return iter(())

        def cancel(self):
            self.cancelled = True

    stream = Whole()
    assert list(ReplicaSteps(tiny, lambda _: stream).generate(tiny, *asked)) == []
    assert not stream.cancelled


def test_whoever_leaves_has_lost_no_replica(tiny, asked, monkeypatch):
    """Cancelling makes the stream raise where it is read; hosts look for real losses in the log."""
    told, ended = [], threading.Event()
    monkeypatch.setattr(replica_steps._logger, "warning", lambda *words: told.append(words))

    class Left:
        def __init__(self):
            self.cancelled = threading.Event()

        def __iter__(self):
            try:
                self.cancelled.wait(60)
                raise ConnectionError("cancelled")
            finally:
                ended.set()
            yield

        def cancel(self):
            self.cancelled.set()

    stop = threading.Event()
    stop.set()
    assert list(ReplicaSteps(tiny, lambda _: Left()).generate(tiny, *asked, stop=stop)) == []
    assert ended.wait(60)
    for thread in threading.enumerate():
        if thread.name == "replica":
            thread.join(60)
    assert told == []


def test_a_replica_that_dies_is_a_loss_and_the_next_one_writes_the_same(replicas, tiny, asked):
    replicas.ends_after = (3, None)
    steps, lost = steps_of(tiny, replicas), []
    found = list(from_the_start(lambda: steps.generate(tiny, *asked), lost.append))
    here = tokens(generation.generate(tiny, *asked))
    assert tokens(found[:3]) == here[:3]
    assert found[3] is None
    assert tokens(found[4:]) == here
    assert [type(each) for each in lost] == [ReplicaLostError]
    assert len(replicas.begun) == 2


def test_what_the_model_refuses_there_is_said_here_and_is_no_loss(replicas, tiny, asked):
    rows, _, _ = asked
    steps = steps_of(tiny, replicas)
    first = tiny.network.get_input_embeddings()
    hook = first.register_forward_hook(lambda _m, _a, out: out * float("nan"))
    try:
        with pytest.raises(SteeringError, match="finite") as caught:
            list(steps.generate(tiny, rows[:2], [None, None], Sampling(3)))
    finally:
        hook.remove()
    assert not isinstance(caught.value, ReplicaLostError)


def test_a_request_without_room_does_not_travel(replicas, tiny):
    with pytest.raises(SteeringError, match="leaves room"):
        list(steps_of(tiny, replicas).generate(tiny, [[1]], [None], Sampling(4096)))
    assert replicas.begun == []


def test_a_bug_there_is_a_bug_here_and_is_not_tried_on_every_replica(replicas, tiny, asked):
    rows, edits, _ = asked
    wrong = [replace(edits[1], sites=((999, "input"),))]
    steps = steps_of(tiny, replicas)
    with pytest.raises(RuntimeError, match=r"IndexError|KeyError"):
        list(from_the_start(lambda: steps.generate(tiny, rows[:1], wrong, ROOM), pytest.fail))
    assert len(replicas.begun) == 1
