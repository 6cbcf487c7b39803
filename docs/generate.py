"""Writes the parts of the documentation that come from the program: `python docs/generate.py`.

`tests/test_docs.py` compares what lies in the folder with what this writes.
"""

import argparse
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from steering.adaptation import transfer_table  # noqa: E402
from steering.artifacts import store  # noqa: E402
from steering.cli.main import parser  # noqa: E402
from steering.evaluation import report  # noqa: E402
from steering.sources.catalog import DEFAULT_MODEL  # noqa: E402


def command_line() -> str:
    """Return the page about the commands: an introduction that people wrote, then every option."""
    text = (FOLDER / "command-line.md").read_text("utf-8")
    (commands,) = (
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    parts = [text.split("## Commands")[0].rstrip(), "", "## Commands", ""]
    for name, command in commands.choices.items():
        parts += [f"### {name}", "", f"{_capital(command.description or '')}.", ""]
        parts += ["| option | meaning |", "|---|---|"]
        parts += [
            _row(action) for action in command._actions if "--help" not in action.option_strings
        ]
        parts.append("")
    return "\n".join(parts)


def results() -> str:
    """Return the page of results with its tables as the shipped documents have them."""
    text = (FOLDER / "results.md").read_text("utf-8")
    evaluation, transfer = store.evaluation(DEFAULT_MODEL), store.transfer(DEFAULT_MODEL)
    assert evaluation is not None
    assert transfer is not None
    for table in (report.table(evaluation["panels"]), transfer_table.markdown(transfer)):
        # The first cells tell the table; later documents may have more columns.
        head = re.escape("|".join(table.split("\n")[0].split("|")[:4]))
        text = re.sub(
            rf"^{head}\|.*\n(\|.*\n)+",
            f"{table.split(chr(10) * 2)[0].rstrip()}\n",
            text,
            flags=re.M,
        )
    return text


def _row(action: argparse.Action) -> str:
    names = ", ".join(f"`{each}`" for each in action.option_strings) or f"`{action.dest.upper()}`"
    return f"| {names} | {(action.help or '').replace('|', chr(92) + '|')} |"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


PAGES = {"command-line.md": command_line, "results.md": results}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), "utf-8")
