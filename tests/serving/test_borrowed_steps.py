"""Runs in a fork: the same columns, whatever goes on here meanwhile, and nothing left behind."""

import threading
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference import generation
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving import borrowed_steps, zero_gpu
from steering.system.fair_lock import FairLock
from tests.helpers.stand_in_spaces import standing_in
from tests.helpers.tiny_models import without_end

TEXTS = ("ablation", "flip:k=2", "actadd:c=2", "flip:side=harmful")
ROOM = Sampling(12, temperature=1.0, seed=3)


@pytest.fixture
def spaces(monkeypatch):
    with standing_in(monkeypatch) as made:
        yield made


@pytest.fixture
def asked(tiny, fitted):
    edits = [None, *(parse(text).edit(fitted) for text in TEXTS)]
    return [tiny.render("How do I paint a car?")] * len(edits), edits, ROOM


def tokens(columns):
    return [column.tokens for column in columns]


def steps_of(model):
    steps, room = borrowed_steps.borrowed(model, FairLock())
    assert room > 30
    return steps


def test_a_borrowed_run_writes_what_a_run_here_writes(spaces, tiny, asked):
    here = list(generation.generate(tiny, *asked))
    there = list(steps_of(tiny).generate(tiny, *asked))
    assert tokens(there) == tokens(here)
    assert torch.equal(there[0].logits, here[0].logits)
    assert spaces.forks == 1
    assert len({tuple(row) for row in zip(*tokens(here), strict=True)}) > 1, "edits changed nothing"


def test_a_pass_that_goes_on_here_is_not_in_the_fork(spaces, tiny, asked):
    """The counter-check is the model itself, which the same hook stops."""
    steps = steps_of(tiny)
    here = tokens(generation.generate(tiny, *asked))

    def stop(*_arguments):
        raise RuntimeError("a hook of somebody else's pass")

    hook = tiny.blocks[1].register_forward_pre_hook(stop)
    try:
        assert tokens(steps.generate(tiny, *asked)) == here
        with pytest.raises(RuntimeError, match="somebody else"):
            tokens(generation.generate(tiny, *asked))
    finally:
        hook.remove()


def test_the_copy_takes_no_memory_for_weights_and_waits_for_nobody(tiny):
    """A fork inherits a lock as it is, and nobody there lets go of it."""
    apart = borrowed_steps._apart(replace(tiny, turn=FairLock()))
    assert apart.turn is nullcontext
    assert apart.network is not tiny.network
    own = {each.data_ptr() for each in tiny.network.parameters()}
    assert {each.data_ptr() for each in apart.network.parameters()} == own
    modules = {*apart.network.modules()}
    written = [each for writers in apart.writers for each in writers.modules.values()]
    assert written
    assert all(each in modules for each in written)


def test_a_stop_ends_the_run_there(spaces, tiny, fitted):
    endless = without_end(tiny)
    steps, stop = steps_of(endless), threading.Event()
    rows = [endless.render("Hi")]
    with closing(steps.generate(endless, rows, [None], Sampling(100), stop=stop)) as columns:
        next(columns)
        next(columns)
        stop.set()
        assert list(columns) == []
    assert len(spaces.workers) == 1
    spaces.idle = True
    again = steps.generate(endless, rows, [None], Sampling(3))
    assert len(tokens(again)) == 3
    assert spaces.forks == 1


def test_a_refusal_is_a_sentence(spaces, tiny, asked):
    steps = steps_of(tiny)
    spaces.refusal = ("ZeroGPU quota exceeded", "You have exceeded your quota. Try again in 1:00.")
    with pytest.raises(zero_gpu.NoGpuError) as caught:
        list(steps.generate(tiny, *asked))
    assert str(caught.value) == (
        "no GPU could be had for this run (ZeroGPU quota exceeded: You have exceeded your quota. "
        "Try again in 1:00); the examples have recorded answers, which need none"
    )
    spaces.refusal = None
    assert tokens(steps.generate(tiny, *asked))


def test_what_the_model_refuses_there_is_said_here(spaces, tiny, asked):
    rows, edits, _ = asked
    steps = steps_of(tiny)
    broken = replace(edits[1], shift=torch.full_like(edits[1].shift, float("nan")))
    found = list(steps.generate(tiny, rows[:2], [None, broken], Sampling(3)))
    assert found[-1].overflowed == (False, True)
    (held,) = zero_gpu._held.values()
    first = held.network.get_input_embeddings()
    first.register_forward_hook(lambda _m, _a, out: out * float("nan"))
    with pytest.raises(SteeringError, match="finite"):
        list(steps.generate(tiny, rows[:2], [None, None], Sampling(3)))


def test_a_bug_there_is_no_refusal_of_the_model(spaces, tiny, asked):
    steps = steps_of(tiny)
    (held,) = zero_gpu._held.values()
    held.network.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(zero_gpu.NoGpuError, match="ZeroDivisionError"):
        list(steps.generate(tiny, *asked))


def test_a_borrower_from_before_the_model_is_let_go(spaces, tiny, asked):
    spaces.idle = True
    tokens(steps_of(tiny).generate(tiny, *asked))
    later = steps_of(tiny)
    assert tokens(later.generate(tiny, *asked)) == tokens(generation.generate(tiny, *asked))
    assert spaces.forks == 2
    zero_gpu._held.clear()
    spaces.idle = False
    with pytest.raises(SteeringError, match="being changed"):
        list(later.generate(tiny, *asked))
