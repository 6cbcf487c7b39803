"""The options of commands whose work several processes can share."""

import argparse


def workers(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add by how many processes the work is shared, to a command that keeps what it finds."""
    parser.add_argument(
        "--workers",
        type=_number,
        help="processes that share the work, each with the model; every request is then answered "
        "alone, so that results are the same for every number (default: this process, requests "
        "sharing its steps)",
    )
    parser.add_argument(
        "--address",
        help="of a Ray cluster whose machines work (default: this one); `auto` for the one here",
    )
    return parser


def replicas(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add how many processes write answers, to the command that serves the page."""
    parser.add_argument(
        "--replicas",
        help="processes that write answers behind the page, each with the model; 1-4 begins more "
        "while many visitors wait (default 1: the page's own process, without Ray)",
    )
    parser.add_argument(
        "--address",
        help="of a Ray cluster whose machines answer (default: this one); `auto` for the one here",
    )
    return parser


def parquet(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add where the tidy table goes."""
    parser.add_argument(
        "--parquet", help="write the tidy table to this file or URL (s3://, gs://) as Parquet, too"
    )
    return parser


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of workers; allowed: from 1")
    return int(text)
