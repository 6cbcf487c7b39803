"""The options of every command."""

import argparse
import os
from pathlib import Path
from typing import get_args

from steering import defaults
from steering.cli import worker_options
from steering.defaults import ROWS
from steering.interventions.panel import DEFAULT_PANELS
from steering.maps.map_points import MapName
from steering.sources import catalog


def model(
    parser: argparse.ArgumentParser, default: str | None = catalog.DEFAULT_MODEL
) -> argparse.ArgumentParser:
    """Add which model."""
    parser.add_argument(
        "--model", default=default, help="catalog name, hub id, folder or .gguf file"
    )
    return parser


def machine(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add what the model runs on, in which number format."""
    environment = os.environ.get("STEERING_QUANTIZATION") or None
    parser.add_argument("--quantization", default=environment, help="none, nf4 or int8")
    parser.add_argument(
        "--dtype",
        default=os.environ.get("STEERING_DTYPE") or None,
        help="auto, float32, bfloat16 or float16 (default auto: measured on a CPU)",
    )
    parser.add_argument(
        "--device", default=os.environ.get("STEERING_DEVICE") or None, help="cpu, cuda, cuda:N"
    )
    return thinking(parser)


def speed(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add whether products may be fast ones, to a command that plays and does not measure."""
    parser.add_argument(
        "--speed",
        default=os.environ.get("STEERING_SPEED") or "auto",
        help=f"{', '.join(defaults.SPEEDS[:-1])} or {defaults.SPEEDS[-1]} products (default auto: "
        "fast on a CPU where answers stay the same, as `gate` measured)",
    )
    return parser


def thinking(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the mode of the chat template."""
    parser.add_argument(
        "--thinking",
        default=os.environ.get("STEERING_THINKING") or "auto",
        help="on, off or auto (default: off where the chat template allows it)",
    )
    return parser


def precompute(parser: argparse.ArgumentParser) -> None:
    """Add the options of `precompute`."""
    machine(model(parser))
    parser.add_argument("--harmful", type=Path, help="own harmful prompts (with --harmless)")
    parser.add_argument("--harmless", type=Path, help="own harmless prompts (with --harmful)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="directions, maps and start settings only, in minutes, kept in the cache",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder (default precomputed/<model> of a checkout, else the cache, as with --quick)",
    )
    parser.add_argument(
        "--classes",
        choices=("auto", "label", "behaviour"),
        default="auto",
        help="what edits are fitted to tell apart where a panel names no classes: harmful requests "
        "from harmless ones (label), or those that the model refuses from those it answers "
        "(behaviour); auto: by behaviour, if 40 training prompts of each class are left",
    )
    parser.add_argument("--limit", type=positive, help="test prompts per set (default all)")
    parser.add_argument("--batch-size", type=positive, default=16, help="prompts per forward pass")
    parser.add_argument("--rows", type=positive, default=ROWS, help="rows answered at once")
    worker_options.workers(parser)


def generate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `generate`."""
    speed(machine(model(parser)))
    steering(parser)
    parser.add_argument(
        "--prompt",
        action="append",
        required=True,
        help="the request; may be repeated: each further one goes on with every panel's own "
        "conversation",
    )
    answering(parser)


def tokens(parser: argparse.ArgumentParser) -> None:
    """Add the options of `tokens`."""
    speed(machine(model(parser)))
    parser.add_argument(
        "--panel",
        default="baseline",
        help="NAME[:key=value,...]: what is done to the model (default baseline)",
    )
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument("--prompt", required=True, help="the request")
    answering(parser)
    parser.add_argument(
        "--answer", help="look into this text (default: into what the panel answers)"
    )


def answering(parser: argparse.ArgumentParser) -> None:
    """Add how answers begin and how they are drawn."""
    parser.add_argument("--max-new-tokens", type=int, default=64, help="length (default 64)")
    parser.add_argument("--temperature", type=float, default=0.0, help="default 0: greedy")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="share of the likeliest tokens (default 1: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed for sampling (default 0)")
    parser.add_argument(
        "--begin",
        default="",
        help="text that every (last) answer begins with, as if the panel had written it",
    )
    system(parser)


def locate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `locate`."""
    speed(machine(model(parser)))
    steering(parser)
    parser.add_argument("--prompt", required=True, help="the request")
    parser.add_argument("--layer", type=int, help="block input (default where INLP was chosen)")
    parser.add_argument(
        "--map",
        type=_map_name,
        choices=get_args(MapName),
        default="harm",
        help="harm, pca or umap (default harm: the axis between the class means)",
    )
    system(parser)


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate`."""
    machine(model(parser))
    steering(parser, default="the whole comparison; controls are always added")
    parser.add_argument(
        "--erasers",
        action="store_true",
        help="LEACE, affine concept editing and AlterRep as well, each with five random controls",
    )
    parser.add_argument("--harmful", type=Path, help="own harmful prompts (with --harmless)")
    parser.add_argument("--harmless", type=Path, help="own harmless prompts (with --harmful)")
    parser.add_argument("--borderline", type=Path, help="own borderline prompts")
    parser.add_argument("--limit", type=positive, help="prompts of each set")
    parser.add_argument("--text", type=Path, help="own text to measure the cost on, or `none`")
    parser.add_argument("--judge", help="chat model or http(s)://host/v1#model that judges, too")
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=defaults.TOKENS,
        help=f"length of an answer (default {defaults.TOKENS})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="write this JSON file (default: a whole comparison goes beside the directions)",
    )
    parser.add_argument("--texts", type=Path, help="write every answer to this JSONL file")
    parser.add_argument("--rows", type=positive, default=ROWS, help="rows answered at once")
    system(worker_options.workers(worker_options.parquet(parser)))


def capability(parser: argparse.ArgumentParser) -> None:
    """Add the options of `capability`."""
    machine(model(parser))
    steering(
        parser, default="those of the comparison that are no controls, the erasers, one control"
    )
    parser.add_argument(
        "--questions", type=Path, help=".jsonl of question, choices, answer (default: the own 224)"
    )
    parser.add_argument("--limit", type=positive, help="questions of each area")
    parser.add_argument(
        "--out", type=Path, help="write this JSON file (default: beside the directions, if whole)"
    )


def sweep(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sweep`."""
    machine(model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--grid",
        action="append",
        help="panels with alternatives, as in flip:k=1|2|4,alpha=1|2; may be repeated",
    )
    parser.add_argument(
        "--answer", action="append", help="the same: panels that answer and are judged"
    )
    parser.add_argument("--prompts", type=positive, help="validation prompts a class")
    parser.add_argument("--answered", type=positive, help="validation prompts that are answered")
    parser.add_argument(
        "--out", type=Path, help="a .csv file (default: beside the directions), and a .json"
    )
    worker_options.workers(worker_options.parquet(parser))


def transfer(parser: argparse.ArgumentParser) -> None:
    """Add the options of `transfer`."""
    thinking(model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--format", action="append", help="as in the table, may be repeated (default: all here)"
    )
    parser.add_argument(
        "--prompts",
        type=positive,
        default=defaults.TRANSFER_PROMPTS,
        help=f"harmful validation prompts that are answered (default {defaults.TRANSFER_PROMPTS})",
    )
    parser.add_argument("--out", type=Path, help="write this JSON file")


def gate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate`."""
    thinking(model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument("--out", type=Path, help="write this JSON file")


def bench(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bench`."""
    machine(model(parser))
    parser.add_argument(
        "--suite",
        choices=defaults.SUITES,
        default=defaults.SUITES[0],
        help=f"what is timed (default {defaults.SUITES[0]})",
    )
    parser.add_argument(
        "--rounds", type=positive, default=defaults.ROUNDS, help="how often (default 5)"
    )
    parser.add_argument(
        "--max-new-tokens", type=positive, default=48, help="length of an answer (default 48)"
    )
    parser.add_argument(
        "--gguf", type=Path, help="file that llama.cpp runs (default: the model's, if it is kept)"
    )
    parser.add_argument(
        "--visitors",
        type=positive,
        default=defaults.CROWD_VISITORS,
        help=f"how many come at once (default {defaults.CROWD_VISITORS})",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=defaults.CROWD_MINUTES,
        help=f"how long visitors come (default {defaults.CROWD_MINUTES:g})",
    )


def steering(parser: argparse.ArgumentParser, *, default: str = " ".join(DEFAULT_PANELS)) -> None:
    """Add which panels, of which directions."""
    parser.add_argument(
        "--panel",
        action="append",
        help=f"NAME[:key=value,...], may be repeated (default {default})",
    )
    parser.add_argument(
        "--directions", type=Path, help="folder that precompute wrote, or file of contrast"
    )


def system(parser: argparse.ArgumentParser) -> None:
    """Add the system prompt."""
    parser.add_argument("--system", default="", help="system prompt (default: the template's own)")


def _map_name(text: str) -> str:
    """Read the name of a map; `lda` is the harm axis by its former name, which was no LDA."""
    return "harm" if text == "lda" else text


def positive(text: str) -> int:
    """Read a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive integer")
    return int(text)
