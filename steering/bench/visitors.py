"""Visitors with time to think, all at once, against the app as it is served on this machine.

The same requests are run one after another on the same process before and after: what that costs a
visitor is what sharing steps is compared with, and those texts are what every card has to show.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Final

import httpx

from steering import defaults
from steering.bench.app_process import AppProcess
from steering.bench.served_page import ServedPage, read_page
from steering.bench.streamed_run import StreamedRun
from steering.data.prompts import prompt_set
from steering.errors import SteeringError
from steering.system.progress import stage

CROWD_REQUESTS: Final = tuple(prompt.text for prompt in prompt_set("borderline", "test")[:4])
"""Few enough to run each alone first, and unlike enough that a mix-up shows (chosen)."""
THINK_SECONDS: Final = (4.0, 12.0)
"""Between reading an answer and the next click: the least and the most (chosen)."""
ALONE_SHARE: Final = 5
"""Each of the two times one after another takes this part of the crowd's time, or a run of each."""
_MIDDLE: Final = (0.1, 0.6)
"""A visitor leaves while the cards show this part of their tokens: the rows are in steps then."""
_LEAVING: Final = (0.15, 0.5)
"""Part of the time after which leavers leave, the first and the last (chosen)."""


@dataclass(frozen=True)
class Crowd:
    """How many visitors come, and for how long.

    Attributes:
        visitors: How many; a third of them leaves in the middle of a run.
        minutes: How long new runs are begun; those under way then are followed to their end.
        seed: Of times to think and moments to leave.
    """

    visitors: int = defaults.CROWD_VISITORS
    minutes: float = defaults.CROWD_MINUTES
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a crowd that shows nothing.

        Raises:
            SteeringError: If there are too few visitors, or no time.
        """
        if self.visitors < 3 or not 0 < self.minutes <= 60:
            raise SteeringError(
                f"{self.visitors} visitors for {self.minutes:g} minutes show nothing; allowed: "
                "from 3 visitors, up to 60 minutes"
            )

    @property
    def leavers(self) -> int:
        """How many leave in the middle."""
        return self.visitors // 3


@dataclass
class Runs:
    """What was seen in one stretch of time.

    Attributes:
        began: When it began, seconds of `time.monotonic`.
        seconds: How long it was; runs that ended later count for their texts only.
        runs: Every run with its request.
    """

    began: float
    seconds: float = 0.0
    runs: list[tuple[str, StreamedRun]] = field(default_factory=list)

    @property
    def within(self) -> float:
        """Runs that were served in that time, of one that ended later the part that lay in it."""
        end = self.began + self.seconds
        parts = (
            (end - run.began) / max(end - run.began, run.ended - run.began)
            for _, run in self.runs
            if run.finished and run.ended is not None and run.began < end
        )
        return sum(parts)

    @property
    def tokens_a_second(self) -> float:
        """Tokens that came to all visitors in that time."""
        end = self.began + self.seconds
        came = sum(count for _, run in self.runs for at, count in run.growth if at <= end)
        return came / self.seconds


@dataclass(frozen=True)
class Seen:
    """All of it: one after another, at once, and one after another again."""

    before: Runs
    crowd: Runs
    after: Runs


def watch(app: AppProcess, crowd: Crowd, *, tokens: int) -> Seen:
    """Let the visitors come to an app whose page is there.

    Args:
        app: Serves the page.
        crowd: Who comes.
        tokens: Length of an answer, as the app was told.

    Raises:
        SteeringError: If the page is not this app's, or a run alone goes wrong.
    """
    return asyncio.run(_watch(app, crowd, tokens))


async def _watch(app: AppProcess, crowd: Crowd, tokens: int) -> Seen:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=app.url, timeout=120, trust_env=False, limits=limits
    ) as client:
        page = await read_page(client)
        await page.arrive()
        # The first one waits for the model as well, and is not counted.
        await _alone(page, 0.0, list(CROWD_REQUESTS[:1]))
        share = 60 * crowd.minutes / ALONE_SHARE
        before = await _alone(page, share, list(CROWD_REQUESTS))
        together = await _crowd(page, crowd, tokens)
        after = await _alone(page, share, [])
    return Seen(before, together, after)


async def _alone(page: ServedPage, seconds: float, least: list[str]) -> Runs:
    """Run requests one after another for a time, those of `least` in any case."""
    found = Runs(time.monotonic())
    with stage("one after another", int(seconds), unit="s") as shown:
        while len(found.runs) < max(1, len(least)) or time.monotonic() - found.began < seconds:
            prompt = CROWD_REQUESTS[len(found.runs) % len(CROWD_REQUESTS)]
            run = await page.run(prompt)
            if not run.finished:
                raise SteeringError(f"a run without any other went wrong: {run.trouble}")
            found.runs.append((prompt, run))
            shown.advance(min(int(seconds), int(time.monotonic() - found.began)) - shown.done)
    found.seconds = time.monotonic() - found.began
    return found


async def _crowd(page: ServedPage, crowd: Crowd, tokens: int) -> Runs:
    found = Runs(time.monotonic(), 60 * crowd.minutes)
    with stage("visitors at once", crowd.visitors, unit="visitor") as shown:

        async def visit(number: int) -> None:
            await _visit(page, crowd, number, found, tokens)
            shown.advance()

        await asyncio.gather(*map(visit, range(crowd.visitors)))
    return found


async def _visit(page: ServedPage, crowd: Crowd, number: int, found: Runs, tokens: int) -> None:
    """Come, run, read, think, run again; a leaver is gone for good in the middle of a run."""
    rng = random.Random(f"{crowd.seed} {number}")
    leaves_from = found.began + found.seconds * rng.uniform(*_LEAVING)

    def leaves(seen: StreamedRun) -> bool:
        in_the_middle = _MIDDLE[0] <= seen.tokens / (tokens * max(1, len(seen.cards))) <= _MIDDLE[1]
        return time.monotonic() >= leaves_from and in_the_middle

    await asyncio.sleep(rng.uniform(0, min(THINK_SECONDS[1], found.seconds / 4)))
    await page.arrive()
    end = found.began + found.seconds
    while True:  # whoever has come late runs once all the same
        prompt = rng.choice(CROWD_REQUESTS)
        run = await page.run(prompt, leave=leaves if number < crowd.leavers else None)
        found.runs.append((prompt, run))
        if run.left:
            return
        await asyncio.sleep(rng.uniform(*THINK_SECONDS))
        if time.monotonic() >= end:
            return
