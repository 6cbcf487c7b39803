"""`scaling`: how many machines a crowd needs, by simulation, from times that were measured here."""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

from steering.cli import command_options, shared
from steering.errors import SteeringError
from steering.scaling.costs import MACHINES, Costs, Machine
from steering.scaling.plan import CROWDS, GOAL_SECONDS, PlanRow, plan
from steering.scaling.replica import Habits
from steering.system import whole_files

if TYPE_CHECKING:
    from steering.scaling.load_check import CheckDocument


class ScalingDocument(TypedDict):
    """What was asked, a row a crowd, and what a trial on this machine showed, if there was one."""

    machine: str
    goal_seconds: float
    equal: float
    following: float
    seed: int
    rows: list[PlanRow]
    trial: "NotRequired[CheckDocument]"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scaling`."""
    command_options.speed(command_options.machine(command_options.model(parser)))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--measure",
        type=Path,
        metavar="FILE",
        help="measure the costs of this machine with the model first, let visitors come to it, and "
        "write the costs to this file for `--costs`",
    )
    parser.add_argument(
        "--trial",
        type=command_options.positive,
        default=8,
        help="how many visitors come to the model for --measure (default 8)",
    )
    parser.add_argument(
        "--seconds", type=_amount, default=60.0, help="how long they come (default 60)"
    )
    parser.add_argument(
        "--machine",
        choices=tuple(MACHINES),
        default=next(iter(MACHINES)),
        help=f"a kind of machine that was measured (default {next(iter(MACHINES))})",
    )
    parser.add_argument("--costs", type=Path, help="JSON file with the costs of another machine")
    parser.add_argument("--price", type=_amount, help="of an hour of a machine, in dollars")
    parser.add_argument("--visitors", action="append", help="how many come; may be repeated")
    parser.add_argument(
        "--goal",
        type=_amount,
        default=GOAL_SECONDS,
        help=f"seconds that 95 of 100 first words may take (default {GOAL_SECONDS:g})",
    )
    parser.add_argument(
        "--equal", type=float, default=0.0, help="share of runs that a cache answers (default 0)"
    )
    parser.add_argument(
        "--following",
        type=float,
        default=0.0,
        help="share of visitors who follow a presenter in a room (default 0)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the simulation (default 0)")


def run(options: argparse.Namespace) -> ScalingDocument:
    """Simulate crowds of visitors, of this machine after measuring it if that is asked for."""
    if options.measure and options.costs:
        raise SteeringError(
            f"--measure {options.measure} makes costs and --costs {options.costs} reads some; "
            "give one of them"
        )
    trial = _measured(options) if options.measure else None
    machine = MACHINES[options.machine]
    if file := options.measure or options.costs:
        machine = Machine.of(whole_files.read_json(file), name=str(file))
    if options.price is not None:
        machine = Machine(machine.title, machine.costs, options.price)
    crowds = [_number(text) for text in options.visitors] if options.visitors else CROWDS
    habits = Habits(equal=options.equal, following=options.following)
    found: ScalingDocument = {
        "machine": machine.title,
        "goal_seconds": options.goal,
        "equal": options.equal,
        "following": options.following,
        "seed": options.seed,
        "rows": plan(machine, habits, crowds, goal=options.goal, seed=options.seed),
    }
    return {**found, "trial": trial} if trial else found


def _measured(options: argparse.Namespace) -> "CheckDocument":
    """Measure what a run costs here, let visitors come, and write the costs down.

    Raises:
        SteeringError: If the file could not be written, which is told before anything is loaded.
    """
    # With torch, which a table of known costs must not wait for.
    from steering.bench.bench_document import timed_machine
    from steering.bench.suites import PROMPT
    from steering.interventions.panel import parse, usual
    from steering.scaling.load_check import LoadCheck

    if not options.measure.parent.is_dir():
        raise SteeringError(
            f"cannot write costs to {options.measure}: there is no folder {options.measure.parent}"
        )
    steerable, _ = shared.studied(options, maps=True)
    model = steerable.model
    panels = [parse(text) for text in usual(steerable.directions)]
    tokens = Habits().tokens[0]
    check = LoadCheck(steerable, PROMPT, panels, tokens)
    with shared.progress_bar():
        found = check.check(options.trial, seconds=options.seconds, think=Habits().think)
        costs = replace(Costs.of(found["costs"]), place=check.place())
    machine = timed_machine(model.device.type)
    title = (
        f"{machine['processor']}, {machine['threads']} threads, {model.name}, "
        f"{model.number_format.reason}, {len(panels)} panels of {tokens} tokens"
    )
    whole_files.write_json(options.measure, Machine(title, costs, None).document)
    return found


def _amount(text: str) -> float:
    """Read a number that is not negative."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount; allowed: numbers from 0")
    return found


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise SteeringError(f"--visitors {text} is no number of visitors; allowed: from 1")
    return int(text)


def show(document: ScalingDocument) -> None:
    """Print what a trial showed, if there was one, and the table."""
    if trial := document.get("trial"):
        print(f"{trial['visitors']} visitors, {trial['runs']} runs on this machine\n")
        print("| | simulated | measured | ratio |\n|---|---|---|---|")
        for name, measured in trial["measured"].items():
            print(
                f"| {name} | {trial['predicted'][name]:.2f} | {measured:.2f} | "
                f"{trial['ratio'][name]:.2f} |"
            )
        print()
    print(f"{document['machine']}; first word of 95 of 100 within {document['goal_seconds']:g} s\n")
    print("| visitors | replicas | visitors a replica | first word, 95 % | $ an hour | pages |")
    print("|---|---|---|---|---|---|")
    for row in document["rows"]:
        replicas = "none is enough" if row["replicas"] is None else f"{row['replicas']:,}"
        dollars = "-" if row["dollars_an_hour"] is None else f"{row['dollars_an_hour']:,.2f}"
        print(
            f"| {row['visitors']:,} | {replicas} | {row['visitors_a_replica']} | "
            f"{row['p95']:.1f} s | {dollars} | {row['pages']:,} |"
        )
