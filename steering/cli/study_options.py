"""Options and last words of the studies of *Anatomy*, whose table lies beside the directions."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from steering.cli import command_options


def study(parser: argparse.ArgumentParser, limit: str | None = None) -> argparse.ArgumentParser:
    """Add the model, the machine, and where directions are read and the table is written.

    Args:
        parser: Of the command.
        limit: What `--limit` limits; None leaves the option out.
    """
    command_options.machine(command_options.model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    if limit is not None:
        parser.add_argument("--limit", type=command_options.positive, help=limit)
    parser.add_argument(
        "--out", type=Path, help="write this JSON file (default: beside the directions, if whole)"
    )
    return parser


def written(document: Mapping[str, object]) -> str:
    """Return the lines that say where a table was written; nothing if it was not."""
    where = document.get("written")
    return f"\n\nWritten: {where}" if where else ""
