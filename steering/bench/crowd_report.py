"""What came of the visitors: what was lost or mixed up, how long they waited, what it cost each."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from steering.bench.app_process import AppProcess
from steering.bench.bench_document import BenchDocument, FigureEntry, RatioEntry, figure
from steering.bench.bench_document import timed_machine as machine
from steering.bench.streamed_run import StreamedRun
from steering.bench.visitors import Seen

SHARE_GOAL: Final = 0.25
"""Sharing steps is meant to serve four times the visitors: a quarter of the time for each."""
FREE_GOAL: Final = 2
"""Steps until the rows of somebody who left are gone, the one under way included."""
_LIKE: Final = 24
"""Characters of a beginning that tell one answer from another (chosen)."""
Texts = Mapping[tuple[str, str], str]
"""What a card shows at the end, by request and panel."""


def report(
    seen: Seen, app: AppProcess, *, model: str, tokens: int, device: str = "cpu"
) -> BenchDocument:
    """Return what was seen as the document of the suite `visitors`.

    Args:
        seen: What was seen.
        app: Has served it.
        model: Its name.
        tokens: Length of an answer.
        device: What the app's model works on, `cpu` or `cuda`.
    """
    waited = app.wait_until_ready()
    row, seconds = _cost(seen)
    return {
        "suite": "visitors",
        "model": model,
        "number_format": waited,
        "tokens": tokens,
        "rounds": 2,
        "rows": [row],
        "seconds": seconds,
        "figures": [*_counts(seen), *_times(seen), *_freed(seen, app.log)],
        "missing": {
            f"answers of run {number}": run.trouble
            for number, (_, run) in enumerate(seen.crowd.runs, start=1)
            if run.trouble is not None
        },
        "machine": machine(device),
    }


def _cost(seen: Seen) -> tuple[RatioEntry, dict[str, float]]:
    """Return the time a visitor takes at once against one after another, before and after."""
    at_once = seen.crowd.seconds / (seen.crowd.within or math.nan)
    alone = [each.seconds / len(each.runs) for each in (seen.before, seen.after)]
    found = [at_once / each for each in alone]
    median = statistics.median(found)
    row: RatioEntry = {
        "name": "a visitor at once",
        "base": "one after another",
        "ratio": median,
        "low": min(found),
        "high": max(found),
        "goal": SHARE_GOAL,
        "met": median <= SHARE_GOAL,
    }
    return row, {"a visitor at once": at_once, "one after another": statistics.mean(alone)}


def _counts(seen: Seen) -> list[FigureEntry]:
    """Return how many runs ended how, and how many cards show another text than alone."""
    runs = [run for _, run in seen.crowd.runs]
    alone = texts_alone(seen)
    unlike, mixed = compare_texts(seen.crowd.runs, alone)

    def troubled(kind: str) -> int:
        return sum((run.trouble or "").startswith(kind) for run in runs)

    return [
        figure("finished", sum(run.finished for run in runs), "runs"),
        figure("within the time, parts counted", seen.crowd.within, "runs"),
        figure("left in the middle", sum(run.left for run in runs), "runs"),
        figure("told to come back later", troubled("refused"), "runs"),
        figure("lost", troubled("lost"), "runs", goal=0),
        figure("stuck", troubled("stuck"), "runs", goal=0),
        figure("mixed: the text of another request or panel", mixed, "cards", goal=0),
        figure("another text than alone, of no other request", unlike, "cards"),
        figure("compared with the same alone", _cards(runs), "cards"),
    ]


def _cards(runs: Iterable[StreamedRun]) -> int:
    return sum(len(run.cards) for run in runs if run.trouble is None)


def texts_alone(seen: Seen) -> Texts:
    """Return what every request gives under every panel when nobody else is there."""
    return {
        (prompt, card.panel): card.text
        for prompt, run in (*seen.after.runs, *seen.before.runs)
        for card in run.cards
    }


def compare_texts(runs: Iterable[tuple[str, StreamedRun]], alone: Texts) -> tuple[int, int]:
    """Count cards that show another text than alone, and of whom some show somebody else's.

    A card of a visitor who left has to show the beginning of its text. Where two tokens are as
    likely to the last bits, companions in a step can turn the choice: such a text goes on
    differently from there, but is nobody else's.

    Returns:
        Cards that are unlike and nobody else's, and cards that are mixed up.
    """
    unlike = mixed = 0
    for prompt, run in runs:
        if run.trouble is not None:
            continue
        panels = {panel for asked, panel in alone if asked == prompt}
        # A card that is missing, or one too many, is somebody else's as well.
        mixed += len(panels ^ {card.panel for card in run.cards})
        for card in run.cards:
            own = alone.get((prompt, card.panel), "")
            if card.text == own or (run.left and own.startswith(card.text)):
                continue
            head = card.text[:_LIKE]
            others = [text for (asked, _), text in alone.items() if asked != prompt]
            if own[:_LIKE] != head and any(text.startswith(head) for text in others):
                mixed += 1
            else:
                unlike += 1
    return unlike, mixed


def _times(seen: Seen) -> list[FigureEntry]:
    """Return how long visitors waited, and how fast words came."""
    runs = [run for _, run in seen.crowd.runs if run.trouble is None]
    first = [run.first_word - run.began for run in runs if run.first_word is not None]
    waited = [run.writing - run.began for run in runs if run.writing is not None]
    whole = [run.ended - run.began for run in runs if run.finished and run.ended is not None]
    found = []
    for name, seconds in (("first word", first), ("waiting", waited), ("whole run", whole)):
        found += [figure(f"{name}, {p} %", percentile(seconds, p), "s") for p in (50, 95)]
    minutes = seen.crowd.seconds / 60
    alone = (seen.before, seen.after)
    served = sum(len(each.runs) for each in alone) / sum(each.seconds / 60 for each in alone)
    return [
        *found,
        figure("at once", seen.crowd.tokens_a_second, "tokens/s"),
        figure(
            "one after another",
            statistics.mean(each.tokens_a_second for each in alone),
            "tokens/s",
        ),
        figure("at once", seen.crowd.within / minutes, "visitors a minute"),
        figure("one after another", served, "visitors a minute"),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` of a hundred do not exceed; nan without any."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _freed(seen: Seen, log: Sequence[tuple[float, str]]) -> list[FigureEntry]:
    """Return how many steps it took until the rows of those who left were gone."""
    left = sorted(run.ended for _, run in seen.crowd.runs if run.left and run.ended is not None)
    steps = steps_until_free(left, log)
    found = [
        figure("rows of those who left that never went", len(left) - len(steps), "runs", goal=0)
    ]
    if steps:
        found += [
            figure("from leaving to free, median", statistics.median(steps), "steps"),
            figure("from leaving to free, most", max(steps), "steps", goal=FREE_GOAL),
        ]
    return found


def steps_until_free(left: Sequence[float], log: Sequence[tuple[float, str]]) -> list[int]:
    """Return the steps that still carried the rows of each who left, as the app's log tells.

    Args:
        left: When visitors left, in order.
        log: Lines with their times; `serving.shared_steps` writes them.
    """
    steps = [at for at, line in log if "a step of" in line]
    gone = [at for at, line in log if "a run was left" in line]
    found = []
    for at in left:
        later = [each for each in gone if each >= at]
        if not later:
            continue
        gone.remove(later[0])
        found.append(sum(at <= each <= later[0] for each in steps))
    return found
