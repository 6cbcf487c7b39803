"""The options of the command `anatomy`; what it does is in `anatomy_commands`."""

import argparse
from pathlib import Path
from typing import Final

from steering.cli import command_options

_ASKED: Final = 40


def anatomy(parser: argparse.ArgumentParser) -> None:
    """Add the options of `anatomy`."""
    parser.add_argument("what", choices=("harm",), help="harm: harm and refusal as two axes")
    command_options.machine(command_options.model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--limit", type=command_options.positive, help="prompts of each class for each purpose"
    )
    parser.add_argument(
        "--asked",
        type=command_options.positive,
        default=_ASKED,
        help=f"test prompts of each class that are asked about (default: {_ASKED})",
    )
    parser.add_argument(
        "--out", type=Path, help="write this JSON file (default: beside the directions, if whole)"
    )
