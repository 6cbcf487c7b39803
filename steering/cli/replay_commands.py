"""The command `replay`: runs a saved run again, here, and says whether the same is written."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import steering
from steering.artifacts import saved_runs
from steering.artifacts.run_conditions import differing
from steering.artifacts.saved_runs import SavedRun, SavedTurn
from steering.chat_templates.rendering import ASKED
from steering.cli import shared
from steering.inference.comparison import check_length, compare

if TYPE_CHECKING:
    from steering.artifacts.run_document import ConditionsEntry
    from steering.inference.comparison import Answer
    from steering.maps.steerable_model import SteerableModel


class DifferingEntry(TypedDict):
    """What was otherwise when the run was saved."""

    what: str
    saved: str
    here: str


class ReplayedEntry(TypedDict):
    """A turn of a panel, saved and written again.

    `differs_at` is the place, from 0, of the first token that is another one, None where all are
    the same; where only the text was kept it is None, too. `compared` counts what was compared:
    fewer than `tokens` where the saved run was stopped.
    """

    title: str
    panel: str
    turn: int
    request: str
    same: bool
    differs_at: int | None
    compared: int
    tokens: int
    saved_text: str
    text: str


class Replayed(TypedDict):
    """What `replay` prints."""

    file: str
    model: str
    recorded: bool
    version: str
    same: bool
    differing: list[DifferingEntry]
    answers: list[ReplayedEntry]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    own = "(default: the run's)"
    parser.add_argument("file", type=Path, help="what the page has saved: a .json or .html file")
    parser.add_argument("--model", help=f"catalog name, hub id, folder or .gguf file {own}")
    parser.add_argument("--quantization", help=f"none, nf4 or int8 {own}")
    parser.add_argument("--dtype", help=f"auto, float32, bfloat16 or float16 {own}")
    parser.add_argument("--speed", help=f"exact, fast or auto {own}")
    parser.add_argument("--thinking", help=f"on, off or auto {own}")
    parser.add_argument(
        "--device", default=os.environ.get("STEERING_DEVICE") or None, help="cpu, cuda, cuda:N"
    )
    # Under another name: a contrast is unpacked for a model, which the file names.
    parser.add_argument(
        "--directions",
        dest="own_directions",
        type=Path,
        help="folder that precompute wrote, or file of contrast",
    )


def run(asked: argparse.Namespace) -> Replayed:
    """Run a saved run again.

    Raises:
        SteeringError: If the file is no saved run, or what it asks for cannot be run here.
    """
    saved = saved_runs.read(asked.file)
    for turns in saved.turns:
        for turn in turns:
            check_length(turn.request, saved.system)
    _as_saved(asked, saved)
    shared.unpack_directions(asked)
    steerable = shared.steerable(asked)
    answers = replayed(steerable, saved)
    return {
        "file": str(asked.file),
        "model": asked.model,
        "recorded": saved.recorded,
        "version": saved.version,
        "same": all(each["same"] for each in answers),
        "differing": _differing(saved, steerable, asked.model),
        "answers": answers,
    }


def failed(document: Replayed) -> bool:
    """Whether anything was written otherwise, which the exit code tells."""
    return not document["same"]


def show(document: Replayed) -> None:
    """Print a line an answer, and what may be the reason where one differs."""
    for each in document["answers"]:
        turn = f", turn {each['turn']}" if each["turn"] > 1 else ""
        print(f"{each['panel']}{turn}: {_told(each)}")
        if not each["same"]:
            print(f"  saved: {each['saved_text']}\n  here:  {each['text']}")
    for entry in document["differing"]:
        print(f"Note: {entry['what']}: saved {entry['saved']}, here {entry['here']}")
    words = "The same text" if document["same"] else "Not the same text"
    print(f"{words} as in {document['file']}.")


def _told(each: ReplayedEntry) -> str:
    if each["differs_at"] is not None:
        return f"differs from token {each['differs_at'] + 1} of {each['compared']} on"
    if not each["same"]:
        return "differs"
    if each["compared"] < each["tokens"]:
        return f"the same for the {each['compared']} tokens after which it was stopped"
    return f"the same text, {each['tokens']} tokens"


def _as_saved(asked: argparse.Namespace, saved: SavedRun) -> None:
    """Fill in what was not asked for from the run."""
    known = saved.conditions
    asked.model = asked.model or saved.model
    asked.directions = asked.own_directions
    asked.quantization = asked.quantization or known.get("quantization")
    asked.dtype = asked.dtype or known.get("dtype")
    # Where fast products cannot be had, exact ones are better than no answer.
    fast = known.get("speed") == "fast"
    asked.speed = asked.speed or ("auto" if fast else "exact")
    thinking = known.get("thinking")
    asked.thinking = asked.thinking or (thinking if thinking in ASKED else "auto") or "auto"


def replayed(steerable: "SteerableModel", saved: SavedRun) -> list[ReplayedEntry]:
    """Write every answer of a run again; all that were written together are together again.

    A later turn has before it what was saved, so that one that differs leaves those after it alone.

    Raises:
        SteeringError: If a request or a panel does not fit the model.
    """
    found: dict[tuple[int, int], Answer] = {}
    together: dict[object, list[tuple[int, int]]] = {}
    for row, turns in enumerate(saved.turns):
        for place, turn in enumerate(turns):
            key = (place, turn.request, turn.sampling, turn.token_ids[: turn.begun])
            together.setdefault(key, []).append((row, place))
    for members in together.values():
        turn = _turn(saved, members[0])
        *_, answers = compare(
            steerable,
            turn.request,
            [_turn(saved, each).panel for each in members],
            sampling=turn.sampling,
            system=saved.system,
            begin=turn.token_ids[: turn.begun],
            histories=[[each.turn for each in saved.turns[row][:place]] for row, place in members],
        )
        found |= dict(zip(members, answers, strict=True))
    return [
        _compared(saved.titles[row], place + 1, _turn(saved, (row, place)), found[row, place])
        for row, place in sorted(found)
    ]


def _turn(saved: SavedRun, place: tuple[int, int]) -> SavedTurn:
    return saved.turns[place[0]][place[1]]


def _compared(title: str, number: int, turn: SavedTurn, answer: "Answer") -> ReplayedEntry:
    place = None
    compared = len(turn.token_ids)
    if turn.token_ids:
        place = first_difference(turn, answer.token_ids)
        same = place is None
    else:
        same, compared = answer.text == turn.text, answer.tokens
    return {
        "title": title,
        "panel": answer.panel,
        "turn": number,
        "request": turn.request,
        "same": same,
        "differs_at": place,
        "compared": compared,
        "tokens": answer.tokens,
        "saved_text": turn.text,
        "text": answer.text,
    }


def first_difference(turn: SavedTurn, tokens: Sequence[int]) -> int | None:
    """Return the place, from 0, from which on an answer differs from a saved one; None: nowhere.

    A saved answer that neither ended by itself nor has the length that it was allowed was stopped:
    what it has is compared.
    """
    pairs = zip(turn.token_ids, tokens, strict=False)
    place = next((place for place, (one, other) in enumerate(pairs) if one != other), None)
    if place is not None:
        return place
    written = len(turn.token_ids) - turn.begun
    was_stopped = not turn.ended and written < turn.sampling.max_new_tokens
    if len(tokens) < len(turn.token_ids) or (len(tokens) > len(turn.token_ids) and not was_stopped):
        return min(len(tokens), len(turn.token_ids))
    return None


def _differing(saved: SavedRun, steerable: "SteerableModel", model: str) -> list[DifferingEntry]:
    from steering.artifacts.run_conditions import conditions

    here: ConditionsEntry = conditions(steerable)
    found = differing(saved.conditions, here)
    if saved.version != steering.__version__:
        found.append(("version of the program", saved.version, steering.__version__))
    if saved.model != model:
        found.insert(0, ("model", saved.model, model))
    return [{"what": what, "saved": before, "here": now} for what, before, now in found]
