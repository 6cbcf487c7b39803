"""A visitor without a browser: speaks with the page over HTTP as Gradio's own scripts do.

The events of the page are private, so they have no names for clients; a browser finds them by the
components that they hang on, in `/config`, and so does this.
"""

import asyncio
import copy
import json
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import httpx

from steering.bench.streamed_run import StreamedRun, trouble_of
from steering.errors import SteeringError

QUIET_SECONDS: Final = 240.0
"""A stream that says nothing for so long is stuck (chosen: more than thirty perplexities take).

Where the texts of all visitors end together, the last one waits that long without a word.
"""
_UPDATE: Final = re.compile(r'data-update="(?P<run>\w+) (?P<update>\d+) ')
_BEATS: Final = ("heartbeat", "estimation", "process_starts")
"""Messages that come without a word of the app."""
Leave = Callable[[StreamedRun], bool]
"""Whether a visitor leaves now, by what was seen so far."""


@dataclass(frozen=True)
class ServedPage:
    """Where the page is, and which of its parts a run is about.

    Attributes:
        client: Its `base_url` is the page's.
        prefix: Of the paths that events are sent to.
        event: Number of the event behind *Run*.
        follower: Number of the event that puts a run that has ended on the map.
        arrival: Number of the event behind opening the page.
        inputs: Component and first value of everything that a run is given, in order.
        request: Component of the request.
        note: Which of the run's outputs is the sentence under the request.
        views: Which of them are the cards' answers.
    """

    client: httpx.AsyncClient
    prefix: str
    event: int
    follower: int
    arrival: int
    inputs: tuple[tuple[int, Any], ...]
    request: int
    note: int
    views: tuple[int, ...]

    async def arrive(self) -> None:
        """Open the page: what the app does for whoever has just come."""
        body = {"data": [], "fn_index": self.arrival, "session_hash": secrets.token_hex(6)}
        (await self.client.post(f"{self.prefix}/run/predict", json=body)).raise_for_status()

    async def run(self, prompt: str, *, leave: Leave | None = None) -> StreamedRun:
        """Click on *Run* and follow the answers.

        Args:
            prompt: The request.
            leave: Leave, as by closing the page, once this holds of what was seen; None stays.
        """
        found = StreamedRun()
        try:
            await self._follow(prompt, found, leave)
        except TimeoutError:
            found.trouble = f"stuck: after {found.tokens} tokens, {found.note}"
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            found.trouble = f"lost: {error or type(error).__name__}"
        found.ended = time.monotonic()
        return found

    async def _follow(self, prompt: str, found: StreamedRun, leave: Leave | None) -> None:
        session = secrets.token_hex(6)
        values = [prompt if part == self.request else value for part, value in self.inputs]
        outputs: list[Any] = []
        told: dict[int, str] = {}
        drawn = ""
        # A page holds this open for as long as it is there.
        async with self.client.stream("GET", f"{self.prefix}/heartbeat/{session}"):
            async with aclosing(self._event(session, self.event, values)) as messages:
                async for message in messages:
                    kind, output = message["msg"], message.get("output") or {}
                    if kind == "process_completed":
                        found.trouble = trouble_of(found, message["success"])
                        break
                    if kind != "process_generating":
                        continue
                    outputs = _next(outputs, output["data"])
                    told |= {
                        number: text for number, each in enumerate(outputs) if (text := _text(each))
                    }
                    views = [told.get(number, "") for number in self.views]
                    found.see(told.get(self.note, ""), views)
                    # As a page that keeps up: it says so of the first update of each run.
                    if (update := _update(views)) and update["run"] != drawn:
                        drawn = update["run"]
                        await self.client.post("/drawn", params=update)
                    if leave is not None and leave(found):
                        found.left = True
                        return
                else:
                    found.trouble = "lost: the stream ended before the answer"
            # The server keeps what was written: a page sends nothing of it.
            async for _ in self._event(session, self.follower, [None]):
                pass

    async def _event(
        self, session: str, event: int, values: list[Any]
    ) -> AsyncGenerator[dict[str, Any]]:
        """Begin an event and yield what the server says until its stream ends."""
        body = {"data": values, "fn_index": event, "session_hash": session}
        (await self.client.post(f"{self.prefix}/queue/join", json=body)).raise_for_status()
        path, parameters = f"{self.prefix}/queue/data", {"session_hash": session}
        async with self.client.stream("GET", path, params=parameters) as stream:
            stream.raise_for_status()
            async for message in _messages(stream):
                yield message


async def read_page(client: httpx.AsyncClient) -> ServedPage:
    """Read from `/config` which component is what.

    Raises:
        SteeringError: If the page has no such parts: it is another app's.
    """
    config = (await client.get("/config")).raise_for_status().json()
    parts = {part["id"]: part.get("props", {}) for part in config["components"]}
    named = {props.get("elem_id"): part for part, props in parts.items()}
    try:
        run = _behind(config, [named["run"], "click"], queue=True)
        arrival = _behind(config, [None, "load"], queue=False)
        return ServedPage(
            client,
            config["api_prefix"],
            run["id"],
            _after(config, run)["id"],
            arrival["id"],
            tuple((part, parts[part].get("value")) for part in run["inputs"]),
            named["request"],
            run["outputs"].index(named["note"]),
            tuple(
                number
                for number, part in enumerate(run["outputs"])
                if "screen" in (parts[part].get("elem_classes") or ())
            ),
        )
    except (KeyError, ValueError, StopIteration) as error:
        raise SteeringError(
            f"what is served at {client.base_url} is not this app's page ({error!r} is missing)"
        ) from error


def _behind(config: Mapping[str, Any], target: list[Any], *, queue: bool) -> Mapping[str, Any]:
    """Return the event behind a component's trigger; one of the page itself has no component."""
    component, trigger = target
    known = {part["id"] for part in config["components"]}
    return next(
        event
        for event in config["dependencies"]
        for part, name in event["targets"]
        if name == trigger
        and (part == component if component is not None else part not in known)
        and event["queue"] is queue
        and event["outputs"]
    )


def _after(config: Mapping[str, Any], run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event that works for a page when a run has ended: the one that waits its turn."""
    return next(
        event
        for event in config["dependencies"]
        if event["trigger_after"] == run["id"]
        and event["queue"]
        and not event["trigger_only_on_failure"]
    )


async def _messages(stream: httpx.Response) -> AsyncGenerator[dict[str, Any]]:
    """Yield the stream's messages; raises TimeoutError where none is of the app for too long."""
    lines = stream.aiter_lines()
    spoke = time.monotonic()
    while True:
        patience = QUIET_SECONDS - (time.monotonic() - spoke)
        try:
            async with asyncio.timeout(patience):
                line = await anext(lines)
        except StopAsyncIteration:
            return
        if not line.startswith("data:"):
            continue
        message = json.loads(line.removeprefix("data:"))
        if message["msg"] not in _BEATS:
            spoke = time.monotonic()
        yield message


def _next(outputs: list[Any], data: list[Any]) -> list[Any]:
    """Return the outputs after a message: the first has them whole, later ones what changed."""
    if not outputs:
        return data
    return [apply_changes(old, changes) for old, changes in zip(outputs, data, strict=True)]


def apply_changes(old: Any, changes: list[Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value after Gradio's list of changes, each an action, a path and a value."""
    root: list[Any] = [copy.deepcopy(old)]
    for action, path, value in changes:
        keys = [0, *path]
        last = keys.pop()
        place: Any = root
        for key in keys:
            place = place[key]
        if action == "append":
            place[last] += value
        elif action == "delete":
            del place[last]
        elif action == "add" and isinstance(place, list):
            place.insert(last, value)
        else:
            place[last] = value
    return root[0]


def _update(views: list[str]) -> dict[str, str] | None:
    """Return which update of which run the cards show; None where nothing is written."""
    found = next(filter(None, map(_UPDATE.search, views)), None)
    return found and found.groupdict()


def _text(output: Any) -> str | None:  # noqa: ANN401
    """Return the HTML of an output; None where it is left as it was."""
    if isinstance(output, dict):
        output = output.get("value")
    return output if isinstance(output, str) else None
