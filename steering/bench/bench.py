"""Runs a suite on this machine, and says what it found in one document."""

import os
import platform
from pathlib import Path
from typing import Final, TypedDict

from steering.artifacts.manifest_document import MachineEntry
from steering.artifacts.provenance import machine
from steering.bench.rounds import interleaved
from steering.bench.suites import SUITE_BY_NAME, Subject
from steering.defaults import ROUNDS
from steering.errors import SteeringError

_INSTRUCTIONS: Final = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
"""What makes products faster where a processor has it."""


class RatioEntry(TypedDict):
    """One comparison; `met` is None where there is no goal."""

    name: str
    base: str
    ratio: float
    low: float
    high: float
    goal: float | None
    met: bool | None


class BenchMachineEntry(MachineEntry):
    """The machine that was timed."""

    processor: str
    cores: int | None


class BenchDocument(TypedDict):
    """What a bench found; `seconds` are medians, and drift."""

    suite: str
    model: str
    number_format: str
    tokens: int
    rounds: int
    rows: list[RatioEntry]
    seconds: dict[str, float]
    machine: BenchMachineEntry


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
    rows: list[RatioEntry] = []
    for timed in made.timed:
        ratio = found.ratio(timed.name, timed.base)
        rows.append(
            {
                "name": timed.name,
                "base": timed.base,
                "ratio": ratio.median,
                "low": ratio.low,
                "high": ratio.high,
                "goal": timed.goal,
                "met": None if timed.goal is None else ratio.median <= timed.goal,
            }
        )
    return {
        "suite": suite,
        "model": subject.model.name,
        "number_format": subject.model.number_format.reason,
        "tokens": subject.tokens,
        "rounds": rounds,
        "rows": rows,
        "seconds": {name: found.median(name) for name in made.contenders},
        "machine": {**machine(subject.model), "processor": _processor(), "cores": os.cpu_count()},
    }


def _processor() -> str:
    """Return the processor's name, and which of the instructions that matter it has."""
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return platform.processor() or platform.machine()
    text = facts.read_text("utf-8", "replace")
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    held = {key.strip(): value.strip() for key, value in lines.items()}
    flags = set(held.get("flags", "").split())
    known = [name for name in _INSTRUCTIONS if name in flags]
    return f"{held.get('model name', platform.machine())} ({', '.join(known) or 'no AVX2'})"


def table(document: BenchDocument) -> str:
    """Return a bench's document as lines for a terminal."""
    lines = [
        f"{document['model']}, {document['number_format']}",
        f"{document['machine']['processor']}, {document['machine']['cores']} cores; "
        f"{document['rounds']} rounds in turn, {document['tokens']} tokens",
        "",
    ]
    for row in document["rows"]:
        goal = "" if row["goal"] is None else f"  goal {row['goal']:.2f}"
        missed = "  missed" if row["met"] is False else ""
        lines.append(
            f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})  "
            f"{row['name']} / {row['base']}{goal}{missed}"
        )
    seconds = ", ".join(f"{name} {value:.2f}" for name, value in document["seconds"].items())
    return "\n".join([*lines, "", f"Median seconds, which drift: {seconds}"])
