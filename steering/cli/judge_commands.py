"""The command `judge`: what the rules say of anybody's answers."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TypedDict

from steering.data import answer_files
from steering.formatting import between, plain
from steering.intervals import wilson
from steering.verdicts.rules import judge

_SHOWN = 60
"""Characters of a text that a line shows."""


class JudgedText(TypedDict):
    """A row of what `judge` prints; `degenerate_from` is a character of the text, or None."""

    text: str
    refused: bool
    verdict: str
    looping: bool
    gibberish: bool
    degenerate_from: int | None
    reason: str


def options(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    columns = ", ".join(answer_files.ANSWER_COLUMNS)
    parser.add_argument(
        "file",
        type=Path,
        help=f".jsonl, .json, .csv or .txt with a text a row, in one of the columns {columns}",
    )


def run(asked: argparse.Namespace) -> list[JudgedText]:
    """Judge every text of a file, in its order."""
    rows: list[JudgedText] = []
    for answer in answer_files.read(asked.file):
        found = judge(answer.text, ended=answer.ended)
        rows.append(
            {
                "text": answer.text,
                "refused": found.refused,
                "verdict": found.verdict,
                "looping": found.looping,
                "gibberish": found.gibberish,
                "degenerate_from": found.degenerate_from,
                "reason": found.reason,
            }
        )
    return rows


def show(rows: list[JudgedText]) -> None:
    """Print a line a text, then how many of what there are."""
    for row in rows:
        words = row["verdict"].replace("_", " ")
        ends = [name for name, is_so in _ends(row).items() if is_so]
        text = " ".join(row["text"].split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        print(f"{', '.join([words, *ends]):<36} {shown}\n{'':<36}   {row['reason']}")
    n = len(rows)
    print()
    for verdict, count in Counter(row["verdict"] for row in rows).most_common():
        print(f"{verdict.replace('_', ' '):<26} {count:>5}")
    for name, count in (
        ("refused in all", sum(row["refused"] for row in rows)),
        ("looping", sum(row["looping"] for row in rows)),
        ("gibberish", sum(row["gibberish"] for row in rows)),
    ):
        share = wilson(count, n)
        interval = between(share.low, share.high)
        print(f"{name:<26} {count:>5} of {n}: {plain(share.estimate)} {interval}")


def _ends(row: JudgedText) -> dict[str, bool]:
    return {"looping": row["looping"], "gibberish": row["gibberish"]}
