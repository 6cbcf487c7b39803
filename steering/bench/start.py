"""From starting the app to its page, and to the first word of an answer, with weights in the cache.

Each round starts a process of its own. Importing torch alone is timed in the same round: it is the
part of a start that no app on it can do without, so it is the base of the ratios.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import httpx

from steering.bench.app_process import serving
from steering.bench.bench_document import BenchDocument, figure, ratios, timed_machine
from steering.bench.rounds import LEAST_ROUNDS, Rounds
from steering.bench.served_page import read_page
from steering.bench.suites import PROMPT, Timed
from steering.errors import SteeringError
from steering.system.progress import stage

PAGE_GOAL: Final = 3.0
"""Seconds from the start of the process to its page, on two cores."""
WORD_GOAL: Final = 12.0
"""Seconds from the start of the process to the first word of an answer, on two cores."""
_IMPORT, _PAGE, _WORD = "import of torch", "start to page", "start to first word"


def measure(options: Sequence[str], *, model: str, tokens: int, rounds: int) -> BenchDocument:
    """Start the app once to get the disk's cache warm, then once a round.

    Args:
        options: Of the command `serve`.
        model: Its name, for the document.
        tokens: Length of an answer.
        rounds: How often.

    Raises:
        SteeringError: If there are too few rounds, or the app does not start.
    """
    if rounds < LEAST_ROUNDS:
        raise SteeringError(
            f"rounds={rounds} is too few to see a spread; allowed: {LEAST_ROUNDS} and more"
        )
    seconds: dict[str, list[float]] = {_IMPORT: [], _PAGE: [], _WORD: []}
    number_format = ""
    with stage("starting", rounds + 1, unit="start") as shown:
        for each in range(rounds + 1):
            page, word, number_format = start(options, tokens)
            found = {_IMPORT: import_seconds(), _PAGE: page, _WORD: word}
            for name, value in found.items() if each else ():
                seconds[name].append(value)
            shown.advance()
    timed = Rounds(seconds)
    return {
        "suite": "start",
        "model": model,
        "number_format": number_format,
        "tokens": tokens,
        "rounds": rounds,
        "rows": ratios(timed, (Timed(_PAGE, _IMPORT), Timed(_WORD, _IMPORT))),
        "seconds": {name: timed.median(name) for name in seconds},
        "figures": [
            figure(_PAGE, timed.median(_PAGE), "s", goal=PAGE_GOAL),
            figure(f"{_PAGE}, slowest", max(seconds[_PAGE]), "s"),
            figure(_WORD, timed.median(_WORD), "s", goal=WORD_GOAL),
            figure(f"{_WORD}, slowest", max(seconds[_WORD]), "s"),
        ],
        "missing": {},
        "machine": timed_machine("cpu"),
    }


def start(options: Sequence[str], tokens: int) -> tuple[float, float, str]:
    """Start the app, run a request as soon as the page is there, and end it.

    Returns:
        Seconds to the page, seconds to the first word, and the number format of the model.

    Raises:
        SteeringError: If the app does not start, or does not answer.
    """
    with serving(options, {"STEERING_MAX_NEW_TOKENS": str(tokens)}) as app:
        page = app.wait_for_page()
        word = asyncio.run(_first_word(app.url))
        return page, word - app.began, app.wait_until_ready()


async def _first_word(url: str) -> float:
    """Return the time of the first word, seconds of `time.monotonic`."""
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:
        page = await read_page(client)
        await page.arrive()
        run = await page.run(PROMPT, leave=lambda seen: seen.first_word is not None)
    if run.first_word is None:
        raise SteeringError(f"the app did not answer: {run.trouble or run.note}")
    return run.first_word


def import_seconds() -> float:
    """Return the seconds that a process takes that imports torch and does nothing else."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True, env=os.environ)
    return time.perf_counter() - began
