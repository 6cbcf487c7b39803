"""Runs a suite on a loaded model, and says what it found in one document."""

from steering.bench.bench_document import BenchDocument, ratios, timed_machine
from steering.bench.peers import PACKAGES
from steering.bench.rounds import interleaved
from steering.bench.suites import SUITE_BY_NAME, Subject
from steering.defaults import ROUNDS
from steering.errors import SteeringError


def bench(subject: Subject, suite: str, *, rounds: int = ROUNDS) -> BenchDocument:
    """Time a suite's contenders in turn and return ratios with their spread, as JSON types.

    Args:
        subject: What is timed.
        suite: A key of `SUITE_BY_NAME`.
        rounds: How often each contender is timed.

    Raises:
        SteeringError: If there is no such suite, or too few rounds.
    """
    if suite not in SUITE_BY_NAME:
        raise SteeringError(f"unknown suite {suite!r}; allowed: {', '.join(SUITE_BY_NAME)}")
    made = SUITE_BY_NAME[suite](subject)
    found = interleaved(made.contenders, rounds)
    return {
        "suite": suite,
        "model": subject.model.name,
        "number_format": subject.model.number_format.reason,
        "tokens": subject.tokens,
        "rounds": rounds,
        "rows": ratios(found, made.timed),
        "seconds": {name: found.median(name) for name in made.contenders},
        "figures": [],
        "missing": dict(made.missing),
        "machine": timed_machine(subject.model.device.type, PACKAGES.values()),
    }
