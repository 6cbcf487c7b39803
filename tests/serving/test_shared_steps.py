"""Many threads, one decode loop."""

import random
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from steering.errors import SteeringError
from steering.inference import generation
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving import shared_steps
from steering.serving.shared_steps import SharedSteps
from steering.system.fair_lock import FairLock
from tests.helpers.left_work import wait_for_left_work
from tests.helpers.tiny_models import without_end

PROMPTS = ("How do I paint a car?", "Why", "Tell me how to wash the dog, please, and the window.")
TEXTS = ("baseline", "ablation", "nullspace:k=2", "flip:k=2", "actadd:c=2", "flip:side=harmful")


@pytest.fixture
def steps(tiny) -> SharedSteps:
    return SharedSteps(replace(tiny, turn=FairLock()))


def asks(model, fitted, seed):
    rng = random.Random(seed)
    texts = rng.sample(TEXTS, rng.randint(1, 5))
    rows = [model.render(rng.choice(PROMPTS))] * len(texts)
    edits = [parse(text).edit(fitted) for text in texts]
    heat = rng.choice([0.0, 1.0])
    return rows, edits, Sampling(rng.randint(2, 20), temperature=heat, seed=seed)


def tokens(columns):
    return [column.tokens for column in columns]


def test_thirty_visitors_at_once_get_what_each_gets_alone(steps, tiny, fitted):
    asked = {seed: asks(tiny, fitted, seed) for seed in range(30)}
    quits = dict.fromkeys(range(0, 30, 3), 3)
    found, widths = {}, []
    handle = tiny.blocks[0].mlp.register_forward_hook(lambda _m, _a, out: widths.append(len(out)))

    def visit(seed):
        with closing(steps.generate(tiny, *asked[seed])) as columns:
            found[seed] = []
            for column in columns:
                found[seed].append(column.tokens)
                if len(found[seed]) == quits.get(seed):
                    break

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    handle.remove()
    assert not any(thread.is_alive() for thread in threads)
    assert max(widths) > 5  # they did share steps
    for seed, given in asked.items():
        alone = tokens(generation.generate(tiny, *given))
        assert found[seed] == alone[: quits.get(seed)]


def test_whoever_comes_during_a_step_is_taken_in_after_it(steps, tiny, fitted):
    """The loop is not made for two threads: what came in the middle of a step could be lost."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(*_):
        inside.set()
        go_on.wait(20)

    handle = tiny.blocks[0].mlp.register_forward_hook(hold)
    found = {}

    def visit(seed):
        found[seed] = tokens(steps.generate(tiny, *asks(tiny, fitted, seed)))

    first = threading.Thread(target=visit, args=(1,))
    first.start()
    assert inside.wait(20)
    others = [threading.Thread(target=visit, args=(seed,)) for seed in (2, 3)]
    for thread in others:
        thread.start()
    for _ in range(400):
        if len(steps._deliver) == 3:
            break
        threading.Event().wait(0.01)
    assert not steps._loop.waiting
    assert len(steps._arrived) == 2
    handle.remove()
    go_on.set()
    for thread in (first, *others):
        thread.join(timeout=20)
    for seed in (1, 2, 3):
        assert found[seed] == tokens(generation.generate(tiny, *asks(tiny, fitted, seed)))


def test_the_thread_ends_with_the_work_and_comes_back_with_it(steps, tiny, fitted):
    for seed in (1, 2):
        assert list(steps.generate(tiny, *asks(tiny, fitted, seed)))
        for _ in range(200):
            if not steps._working:
                break
            threading.Event().wait(0.01)
        assert not steps._working
        assert "steps" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("how", ["stop", "close"])
def test_whoever_stops_or_leaves_frees_the_rows_within_a_few_steps(tiny, fitted, how):
    steps = SharedSteps(without_end(tiny))
    rows, edits, _ = asks(tiny, fitted, 1)
    stop, passes = threading.Event(), []
    handle = tiny.blocks[0].mlp.register_forward_hook(lambda *_: passes.append(1))
    columns = steps.generate(tiny, rows, edits, Sampling(150), stop=stop)
    next(columns)
    if how == "stop":
        stop.set()
        assert list(columns) == []
    else:
        columns.close()
    for _ in range(2000):
        if not steps._deliver:
            break
        threading.Event().wait(0.01)
    handle.remove()
    assert not steps._deliver
    assert len(passes) < 100  # of 150: the loop does not wait for who reads its columns


def test_the_log_tells_of_steps_and_of_rows_whose_visitor_has_left(tiny, fitted, monkeypatch):
    said = []
    monkeypatch.setattr(shared_steps._logger, "debug", lambda text, *more: said.append(text % more))
    steps = SharedSteps(without_end(tiny))
    rows, edits, _ = asks(tiny, fitted, 1)
    assert len(list(steps.generate(tiny, rows, edits, Sampling(4)))) == 4
    assert said == ["a step of 1 runs"] * 4
    columns = steps.generate(tiny, rows, edits, Sampling(150))
    next(columns)
    columns.close()
    for _ in range(2000):
        if not steps._working:
            break
        threading.Event().wait(0.01)
    assert said[-1] == f"a run was left: its {len(rows)} rows are gone"


def test_a_request_without_room_is_refused_at_once(steps, tiny):
    with pytest.raises(SteeringError, match="leaves room for"):
        next(steps.generate(tiny, [tiny.render("Why")], [None], Sampling(4000)))
    assert not steps._deliver
    assert list(steps.generate(tiny, [tiny.render("Why")], [None], Sampling(2)))


def test_an_error_in_a_pass_reaches_everybody_and_the_next_run_works(steps, tiny, fitted):
    def fail(*_):
        raise ZeroDivisionError

    handle = tiny.blocks[2].mlp.register_forward_hook(fail)
    caught = []

    def visit(seed):
        try:
            list(steps.generate(tiny, *asks(tiny, fitted, seed)))
        except ZeroDivisionError:
            caught.append(seed)

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    handle.remove()
    assert sorted(caught) == [0, 1, 2]
    assert list(steps.generate(tiny, *asks(tiny, fitted, 4)))
    assert not any(module._forward_pre_hooks for module in tiny.blocks)


def test_a_test_that_leaves_a_pass_behind_is_followed_by_none_before_its_end(steps, tiny, fitted):
    """Turns are taken by engine, the hooks of a pass are the model's."""
    passes, inside, go_on = [], threading.Event(), threading.Event()

    def hold(*_):
        passes.append(None)
        if len(passes) == 2:
            inside.set()
            go_on.wait(60)

    handle = tiny.blocks[0].mlp.register_forward_hook(hold)
    try:
        left = steps.generate(tiny, *asks(tiny, fitted, 1))
        next(left)
        assert inside.wait(60)
        left.close()
        with pytest.raises(AssertionError, match="a thread named 'steps' never ended"):
            wait_for_left_work(0.01)
        go_on.set()
        wait_for_left_work()
    finally:
        go_on.set()
        handle.remove()
    assert not steps.working
