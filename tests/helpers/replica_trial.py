"""A page's side of replicas, in a process of its own: what the tests of real Ray ask it to do.

Usage: python -m tests.helpers.replica_trial TRIAL MODEL [MODEL], each a folder or a name. The last
line that it prints is a JSON document.
"""

import json
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from functools import partial

import psutil

from steering.cluster import ray_door
from steering.cluster.replicas import APPLICATION, Pace, Replicas
from steering.inference import generation
from steering.inference.sampling import Sampling
from steering.models import loading
from steering.serving.from_the_start import ReplicaLostError, from_the_start
from steering.serving.replica_range import parse_range
from steering.system.fair_lock import FairLock

SHORT, LONG = Sampling(12, temperature=1.0, seed=3), Sampling(180, temperature=1.0, seed=5)
PROMPTS = ("How do I paint a car?", "How do I bake bread?")


def numbers(columns):
    """Return tokens, and the first logits as bytes in hexadecimal."""
    found = list(columns)
    first = found[0].logits.numpy().tobytes().hex()
    return [list(column.tokens) for column in found], first


def running():
    """Return how many replicas Ray Serve counts as able to answer."""
    state = ray_door.serve().status().applications[APPLICATION]
    return state.deployments["replica"].replica_states.get("RUNNING", 0)


def until(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it never came")
        time.sleep(0.05)


class Visitor(threading.Thread):
    """Somebody whose run is begun again where its replica is lost."""

    def __init__(self, steps, asked):
        super().__init__(daemon=True)
        self.steps, self.asked = steps, asked
        self.tries, self.sentences, self.now, self.written = 0, [], 0, None
        self.start()

    def run(self):
        self.written = [each for each in from_the_start(self._once, self._lost) if each]
        self.written = self.written[-self.now :]

    def _once(self):
        self.tries, self.now = self.tries + 1, 0
        for column in self.steps.generate(None, *self.asked):
            self.now += 1
            yield list(column.tokens)

    def _lost(self, error):
        self.sentences.append(str(error))


def same(replicas, model, steps, tokens=LONG.max_new_tokens):
    """Bits, a stop, a replica that is killed."""
    long = replace(LONG, max_new_tokens=tokens)
    rows = [model.render(prompt) for prompt in PROMPTS]
    asked = rows, [None, None], SHORT
    here, there = (
        numbers(generation.generate(model, *asked)),
        numbers(steps.generate(model, *asked)),
    )
    found = {"here": here, "there": there}

    with closing(steps.generate(model, rows, [None, None], long)) as columns:
        next(columns)
    handle = replicas._handle.options(method_name="facts")
    until(lambda: any(handle.remote().result()["left"] for _ in range(6)))
    found["left"] = True

    visitors = [Visitor(steps, ([row], [None], long)) for row in rows * 3]
    until(lambda: all(each.now > 3 for each in visitors))
    busy = {}

    def shared():
        told = handle.remote().result()
        busy[told["process"]] = told["now"]
        return 0 < told["now"] < len(visitors)

    until(shared)
    psutil.Process(max(busy, key=lambda each: busy[each])).kill()
    for each in visitors:
        each.join(300)
    alone = [numbers(generation.generate(model, [row], [None], long))[0] for row in rows * 3]
    found["visitors"] = [
        {"tries": each.tries, "sentences": each.sentences, "same": each.written == expected}
        for each, expected in zip(visitors, alone, strict=True)
    ]
    until(lambda: running() == 2)
    return found


def multiplexed(replicas, model, steps):
    """Another model beside the first, each with its own tokens."""
    other = loading.load(sys.argv[3], dtype="float32", device="cpu")
    replicas.hold(other)
    others, _ = replicas.steps(other, FairLock())
    asked = [model.render(PROMPTS[0])], [None], SHORT
    pairs = ((model, steps), (other, others), (model, steps))
    return {
        "here": [numbers(generation.generate(each, *asked))[0] for each, _ in pairs],
        "there": [numbers(found.generate(each, *asked))[0] for each, found in pairs],
    }


def scaled(replicas, model, steps):
    """One replica, two under load, one again; nobody loses anything."""
    counts, lost = [running()], []
    row, enough, over = model.render(PROMPTS[0]), threading.Event(), threading.Event()

    def visit(until_then):
        while not until_then.is_set():
            try:
                list(steps.generate(model, [row], [None], LONG))
            except ReplicaLostError as error:
                lost.append(str(error))

    # The last one goes on while a replica leaves.
    crowd = [
        threading.Thread(target=visit, args=(each,), daemon=True)
        for each in (enough, enough, enough, over)
    ]
    for each in crowd:
        each.start()
    until(lambda: running() == 2)
    counts.append(running())
    enough.set()
    until(lambda: running() == 1)
    over.set()
    for each in crowd:
        each.join()
    return {"counts": [*counts, running()], "lost": lost}


TRIALS = {
    "same": (same, "2", Pace(), 1),
    "real": (partial(same, tokens=60), "2", Pace(), 1),
    "multiplexed": (multiplexed, "1", Pace(), 2),
    "scaled": (scaled, "1-2", Pace(busy=1.0, more=0.5, fewer=2.0), 1),
}


def main():
    trial, count, pace, models = TRIALS[sys.argv[1]]
    # Whether it is worth while to pack weights is timed at each load, and last bits hang on it.
    model = loading.load(sys.argv[2], dtype="float32", device="cpu", packed=False)
    with Replicas(parse_range(count), None, models=models, pace=pace) as replicas:
        # As a page does: the thread that loads ends, and what it began does not.
        loading_thread = threading.Thread(target=replicas.hold, args=(model,))
        loading_thread.start()
        loading_thread.join()
        steps, _room = replicas.steps(model, FairLock())
        sys.stdout.write(json.dumps(trial(replicas, model, steps)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
