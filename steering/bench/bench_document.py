"""What a bench says: ratios with their spread, single figures, and of which machine."""

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TypedDict

import torch

from steering.artifacts.manifest_document import MachineEntry
from steering.artifacts.provenance import machine_of
from steering.bench.rounds import Rounds
from steering.bench.suites import Timed

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


class FigureEntry(TypedDict):
    """One number that is no ratio; a goal is the most that it may be."""

    name: str
    value: float
    unit: str
    goal: float | None
    met: bool | None


class BenchMachineEntry(MachineEntry):
    """The machine that was timed."""

    processor: str
    cores: int | None


class BenchDocument(TypedDict):
    """What a bench found; `seconds` are medians, and drift; `missing` did not take part."""

    suite: str
    model: str
    number_format: str
    tokens: int
    rounds: int
    rows: list[RatioEntry]
    seconds: dict[str, float]
    figures: list[FigureEntry]
    missing: dict[str, str]
    machine: BenchMachineEntry


def ratios(found: Rounds, timed: Iterable[Timed]) -> list[RatioEntry]:
    """Return the comparisons of what was timed in turn."""
    rows: list[RatioEntry] = []
    for each in timed:
        ratio = found.ratio(each.name, each.base)
        rows.append(
            {
                "name": each.name,
                "base": each.base,
                "ratio": ratio.median,
                "low": ratio.low,
                "high": ratio.high,
                "goal": each.goal,
                "met": None if each.goal is None else ratio.median <= each.goal,
            }
        )
    return rows


def figure(name: str, value: float, unit: str, *, goal: float | None = None) -> FigureEntry:
    """Return one number with its goal, which is the most that it may be."""
    met = None if goal is None else value <= goal
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}


def timed_machine(device: str, packages: Iterable[str] = ()) -> BenchMachineEntry:
    """Return the facts of this machine.

    Args:
        device: What worked, `cpu` or `cuda`.
        packages: Whose versions matter as well; those that are not installed are left out.
    """
    facts = machine_of(device)
    for package in packages:
        with suppress(PackageNotFoundError):
            facts["versions"][package] = version(package)
    processor = _processor()
    if device == "cuda":
        processor = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; {processor}"
    return {**facts, "processor": processor, "cores": os.cpu_count()}


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
    lines += [
        f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})  "
        f"{row['name']} / {row['base']}{_goal(row)}"
        for row in document["rows"]
    ]
    lines += [
        f"{each['value']:.4g} {each['unit']}  {each['name']}{_goal(each)}"
        for each in document["figures"]
    ]
    lines += [f"missing: {name}: {why}" for name, why in document["missing"].items()]
    seconds = ", ".join(f"{name} {value:.2f}" for name, value in document["seconds"].items())
    return "\n".join([*lines, "", f"Median seconds, which drift: {seconds}"])


def _goal(entry: RatioEntry | FigureEntry) -> str:
    if entry["goal"] is None:
        return ""
    return f"  goal {entry['goal']:.4g}{'' if entry['met'] else ', missed'}"
