"""What is counted of runs, for whoever watches a server: numbers only, never a word of a request.

The counts are plain numbers, which every engine has. Their text form needs `prometheus_client`,
which is imported when somebody asks for it.
"""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from steering.inference.comparison import Answer
    from steering.serving.engine import Engine
    from steering.serving.visitor_line import Run

FIRST_WORD_BOUNDS: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper ends of the histogram of the time to the first word, in seconds (chosen)."""


class RunCounts:
    """What runs have come to since the process began.

    Attributes:
        begun: Runs that were let into the line.
        ended: Those that have left it, however they ended.
        refused: Runs that were turned away: the line was full, or they came too often.
        tokens: Tokens that panels wrote; what was given as a beginning is not counted.
        first_words: How many runs had their first word within each of `FIRST_WORD_BOUNDS`, and
            past the last one: each run is counted once.
        first_word_seconds: The sum of these times, from the entry into the line on.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self.begun = self.ended = self.refused = self.tokens = 0
        self.first_words = [0] * (len(FIRST_WORD_BOUNDS) + 1)
        self.first_word_seconds = 0.0

    def begin(self) -> None:
        """Count a run that was let in."""
        with self._lock:
            self.begun += 1

    def end(self) -> None:
        """Count a run that has left."""
        with self._lock:
            self.ended += 1

    def refuse(self) -> None:
        """Count a run that was turned away."""
        with self._lock:
            self.refused += 1

    def watched(
        self, growing: "Generator[tuple[Answer, ...]]", run: "Run"
    ) -> "Generator[tuple[Answer, ...]]":
        """Hand answers on as they grow, and count their tokens and the wait for the first word.

        Args:
            growing: What `compare` yields; closed when this is.
            run: Whose answers they are; one that is begun again is counted once.
        """
        written = 0
        with closing(growing):
            for answers in growing:
                now = sum(answer.tokens - answer.begun for answer in answers)
                with self._lock:
                    self.tokens += now - written
                written = now
                if not run.heard and any(each.text or each.thinking for each in answers):
                    run.heard = True
                    self.first_word(time.monotonic() - run.came)
                yield answers

    def first_word(self, seconds: float) -> None:
        """Count a run whose first word came after so many seconds."""
        place = sum(seconds > bound for bound in FIRST_WORD_BOUNDS)
        with self._lock:
            self.first_words[place] += 1
            self.first_word_seconds += seconds

    def first_word_histogram(self) -> tuple[Sequence[tuple[str, int]], float]:
        """Return (upper end, runs up to there) for every bound and `+Inf`, and the sum of times."""
        with self._lock:
            runs, seconds = list(accumulate(self.first_words)), self.first_word_seconds
        ends = [*map(str, FIRST_WORD_BOUNDS), "+Inf"]
        return list(zip(ends, runs, strict=True)), seconds


class Exposition:
    """The numbers of one engine in the text form of Prometheus, from a registry of their own."""

    def __init__(self, engine: "Engine") -> None:
        """Import nothing yet."""
        self._engine = engine
        self._registry: CollectorRegistry | None = None

    def text(self) -> tuple[bytes, str]:
        """Return the numbers as they are now, and their media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        if self._registry is None:
            self._registry = CollectorRegistry()
            self._registry.register(self)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> "Iterator[Metric]":
        """Yield every number; the registry asks for them."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        engine, counts = self._engine, self._engine.counts
        for name, words, value in (
            ("steering_runs_begun", "Runs that were let into the line", counts.begun),
            ("steering_runs_ended", "Runs that have left the line", counts.ended),
            (
                "steering_runs_refused",
                "Runs that found the line full, or came too often",
                counts.refused,
            ),
            ("steering_tokens_written", "Tokens that panels wrote", counts.tokens),
        ):
            yield CounterMetricFamily(name, words, value)
        yield HistogramMetricFamily(
            "steering_first_word_seconds",
            "Time from a run's entry into the line to its first word",
            *counts.first_word_histogram(),
        )
        for name, words, value in (
            ("steering_queue_length", "Runs that wait for their turn", engine.waiting),
            ("steering_model_ready", "1 where a model can answer", engine.status.phase == "ready"),
        ):
            yield GaugeMetricFamily(name, words, int(value))
