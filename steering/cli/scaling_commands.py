"""`scaling`: how many machines a crowd needs, by simulation."""

import argparse
import math
from pathlib import Path
from typing import TypedDict

from steering.errors import SteeringError
from steering.scaling.costs import MACHINES, Costs, Machine
from steering.scaling.plan import CROWDS, GOAL_SECONDS, PlanRow, plan
from steering.scaling.replica import Habits
from steering.system import whole_files


class ScalingDocument(TypedDict):
    """What was asked, and a row a crowd."""

    machine: str
    goal_seconds: float
    equal: float
    following: float
    seed: int
    rows: list[PlanRow]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scaling`."""
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
    """Simulate crowds of visitors."""
    machine = MACHINES[options.machine]
    if options.costs:
        costs = Costs.of(whole_files.read_json(options.costs))
        machine = Machine(str(options.costs), costs, machine.price)
    if options.price is not None:
        machine = Machine(machine.title, machine.costs, options.price)
    crowds = [_number(text) for text in options.visitors] if options.visitors else CROWDS
    habits = Habits(equal=options.equal, following=options.following)
    return {
        "machine": machine.title,
        "goal_seconds": options.goal,
        "equal": options.equal,
        "following": options.following,
        "seed": options.seed,
        "rows": plan(machine, habits, crowds, goal=options.goal, seed=options.seed),
    }


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
    """Print the table."""
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
