"""Whether the simulation tells what this machine does: both of the same visitors, as ratios.

All of it runs in one process and in turn, since seconds of a shared machine drift: what a run costs
here is measured, then visitors come, then costs are measured again, and the simulation is given the
mean of both.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from steering.inference.comparison import compare
from steering.inference.decode_loop import DecodeLoop
from steering.inference.decode_request import DecodeRequest
from steering.inference.generation import answer_perplexity
from steering.inference.sampling import Sampling
from steering.interventions.panel import Panel
from steering.maps.markers import landed
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.scaling.costs import Costs
from steering.scaling.replica import Habits, Waits, simulate
from steering.serving.shared_steps import shared
from steering.serving.visitor_line import Line
from steering.system.fair_lock import FairLock

_RUNS: Final = (1, 4, 12)
"""Runs that share the steps that are timed (chosen)."""
_PLACED: Final = 3
"""Times that places are timed, of which the middle one counts (chosen)."""
_LOOK_SECONDS: Final = 0.02
"""How often a visitor in line looks whether it is their turn (chosen: small against a run)."""
_Watch = Callable[[], float]


class CheckDocument(TypedDict):
    """What was seen, what was foretold, and their ratios, in seconds and runs."""

    visitors: int
    runs: int
    measured: dict[str, float]
    predicted: dict[str, float]
    ratio: dict[str, float]
    costs: dict[str, object]


@dataclass(frozen=True)
class LoadCheck:
    """Visitors of one model in this process.

    Attributes:
        steerable: A loaded chat model with its directions.
        prompt: What everybody asks; nothing is kept of it, so each is answered anew.
        panels: Under which everybody asks.
        tokens: Length of an answer.
        watch: Tells the time in seconds.
    """

    steerable: SteerableModel
    prompt: str
    panels: Sequence[Panel]
    tokens: int
    watch: _Watch = time.perf_counter

    def check(
        self, visitors: int, *, seconds: float, think: tuple[float, float], seed: int = 0
    ) -> CheckDocument:
        """Let visitors come, and compare their waits with the simulation's.

        Args:
            visitors: How many.
            seconds: How long they begin runs.
            think: Seconds between two runs of a visitor, the least and the most.
            seed: Of their moments, here and in the simulation.
        """
        before = self.costs()
        seen = self.crowd(visitors, seconds=seconds, think=think, seed=seed)
        costs = _mean(before, self.costs())
        habits = Habits(think, (self.tokens, self.tokens))
        foretold = simulate(costs, visitors, habits, seconds=seconds, warm=0.0, seed=seed)
        measured, predicted = _figures(seen), _figures(foretold)
        return {
            "visitors": visitors,
            "runs": len(seen.first_words),
            "measured": measured,
            "predicted": predicted,
            "ratio": {name: predicted[name] / max(measured[name], 1e-9) for name in measured},
            "costs": {**vars(costs)},
        }

    def costs(self) -> Costs:
        """Return what a run costs here, with nobody else in the process."""
        model = self.steerable.model
        edits = [panel.edit(self.steerable.directions) for panel in self.panels]
        rows = [model.render(self.prompt)] * len(edits)
        sampling = Sampling(max_new_tokens=self.tokens)
        reads: list[float] = []
        steps: list[tuple[int, float]] = []
        for runs in _RUNS:
            loop = DecodeLoop(model)
            for _ in range(runs):
                loop.join(DecodeRequest(rows, edits, sampling))
            times = [self._timed(loop.step) for _ in range(runs)]
            reads.append(times[0])
            times = [self._timed(loop.step) for _ in range(max(1, self.tokens - runs - 1))]
            steps.append((runs * len(edits), sorted(times)[len(times) // 2]))
        written: list[list[int]] = []

        def whole() -> None:
            *_, last = compare(self.steerable, self.prompt, self.panels, sampling=sampling)
            written[:] = [list(answer.token_ids) for answer in last]

        alone = self._timed(whole)
        measure = self._timed(lambda: answer_perplexity(model, rows, written))
        read = sorted(reads)[len(reads) // 2]
        between = alone - read - measure - (self.tokens - 1) * steps[0][1]
        _, room = shared(model, FairLock())
        return Costs(tuple(steps), read, measure, 0.0, max(0.0, between), room, len(edits))

    def place(self) -> float:
        """Return the seconds that the places of a request and its answers take on the maps.

        The visitors of `crowd` ask for none, so that `check` counts none. 0 without maps.
        """
        steerable = self.steerable
        if steerable.maps is None:
            return 0.0
        sampling = Sampling(max_new_tokens=self.tokens)
        *_, last = compare(steerable, self.prompt, self.panels, sampling=sampling)
        written = [list(answer.token_ids) for answer in last]
        length, maps = len(steerable.model.render(self.prompt)), steerable.maps

        def placed() -> None:
            # A tracer of its own each time: in the app hardly two requests are the same.
            trace = Tracer(steerable).trace(self.prompt, self.panels, answers=written)
            landed(maps, trace, prompt=self.prompt, length=length)

        placed()  # the first pass of its kind prepares what later ones find
        times = sorted(self._timed(placed) for _ in range(_PLACED))
        return times[len(times) // 2]

    def crowd(
        self, visitors: int, *, seconds: float, think: tuple[float, float], seed: int
    ) -> Waits:
        """Let visitors come to the line and the shared steps, as the app has them."""
        line = Line(visitors)
        steps, line.room = shared(self.steerable.model, FairLock())
        sampling = Sampling(max_new_tokens=self.tokens)
        steerable = SteerableModel(steps.model, self.steerable.directions)
        words: list[float] = []
        done: list[float] = []
        began = self.watch()

        def visit(number: int) -> None:
            rng = random.Random(f"{seed} {number}")
            time.sleep(rng.uniform(0, think[1]))
            # Whoever comes late, on a busy machine, has a run too.
            ran = 0
            while not ran or self.watch() - began < seconds:
                ran += 1
                came, first = self.watch(), True
                with line.run(f"visitor {number}") as run:
                    run.rows = len(self.panels)
                    while line.ahead(run):
                        time.sleep(_LOOK_SECONDS)
                    for _ in compare(
                        steerable, self.prompt, self.panels, sampling=sampling,
                        decode=steps.generate,
                    ):  # fmt: skip
                        if first:
                            words.append(self.watch() - came)
                            first = False
                done.append(self.watch() - began)
                time.sleep(rng.uniform(*think))

        threads = [threading.Thread(target=visit, args=(each,)) for each in range(visitors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Waits(tuple(words), 60 * sum(at <= seconds for at in done) / seconds)

    def _timed(self, work: Callable[[], object]) -> float:
        began = self.watch()
        work()
        return self.watch() - began


def _figures(waits: Waits) -> dict[str, float]:
    return {
        "first word, 50 %": waits.percentile(50),
        "first word, 95 %": waits.percentile(95),
        "runs a minute": waits.runs_a_minute,
    }


def _mean(one: Costs, other: Costs) -> Costs:
    def mean(name: str) -> float:
        return float(getattr(one, name) + getattr(other, name)) / 2

    steps = tuple(
        (rows, (a + b) / 2) for (rows, a), (_, b) in zip(one.steps, other.steps, strict=True)
    )
    return Costs(
        steps, mean("read"), mean("measure"), mean("place"), mean("between"), one.room, one.panels
    )
