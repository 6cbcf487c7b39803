"""Routes beside the page, for programs: is it up, can it answer, how is it doing, and answers.

They are handed to Gradio's app before its own routes, so nothing of Gradio's is in front of them.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import gradio as gr
from gradio.context import LocalContext
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

import steering
from steering import formatting
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.serving import endpoint
from steering.serving.allowance import TooOftenError
from steering.serving.engine import Engine
from steering.serving.metrics import Exposition
from steering.serving.visitor_line import LineFullError
from steering.serving.zero_gpu import NoGpuError
from steering.system import strict_json
from steering.ui.layout import HostLimits

_READY: Final = ("ready", "recorded")
_GONE: Final = Response(status_code=400)
"""For whoever asked, and has gone."""
_LINE_SECONDS: Final = 60
"""After how long a line that was full may have a place (chosen)."""
_NO_HEADERS: Final[Mapping[str, str]] = {}
Growing = Generator[tuple[Answer, ...] | None]
_Updates = AsyncGenerator[tuple[Answer, ...]]


def routes(engine: Engine, limits: HostLimits) -> list[BaseRoute]:
    """Return the routes of one app, for `app_kwargs` of `launch`.

    None of those that watch the server takes a thread: they answer while all threads are at work.
    """
    exposition, most = Exposition(engine), limits_of(limits)

    async def health(_request: Request) -> Response:
        return _json({"status": "ok", "version": steering.__version__})

    async def ready(_request: Request) -> Response:
        status = engine.status
        is_ready = status.phase in _READY
        said = {"ready": is_ready, "phase": status.phase, "status": status.sentence}
        return _json(said, 200 if is_ready else 503)

    async def metrics(_request: Request) -> Response:
        text, media_type = exposition.text()
        return Response(text, headers={"content-type": media_type})

    async def generate(request: Request) -> Response:
        return await _answered(request, engine, most)

    async def drawn(request: Request) -> Response:
        asked = request.query_params
        run, number = asked.get("run", ""), asked.get("update", "")
        # Digits alone: what a browser sends may be anything. A run that has ended needs no pace.
        heard = number.isascii() and number.isdigit()
        behind = asked.get("behind") == "true"
        heard = heard and engine.paces.hear(run, int(number[:9]), behind=behind)
        return Response(status_code=204 if heard else 410)

    return [
        Route("/health", health),
        Route("/ready", ready),
        Route("/metrics", metrics),
        Route("/generate", generate, methods=["POST"]),
        Route("/drawn", drawn, methods=["POST"]),
    ]


def limits_of(limits: HostLimits) -> endpoint.EndpointLimits:
    """Return what a program may ask for: on a public host, no more than the page lets visitors."""
    own = endpoint.EndpointLimits(limits.max_new_tokens)
    if limits.chooser:
        return own
    # The longest that the slider has, and one panel for each card.
    most = max(256, limits.max_new_tokens)
    return endpoint.EndpointLimits(limits.max_new_tokens, most, 6, safe=True)


async def _answered(request: Request, engine: Engine, most: endpoint.EndpointLimits) -> Response:
    LocalContext.request.set(gr.Request(request))  # whose quota it is, where a GPU is lent
    try:
        facts = engine.directions if engine.outline is None else engine.outline
        asked = endpoint.read(await _body(request), facts, most)
        visitor = engine.allowance.visitor_of(request)
        updates = _updates(request, allowed(engine, visitor, asked))
        # Whatever is wrong with a request shows before its first word, while a status can say so.
        latest = await anext(updates, None)
        if latest is None:
            return _GONE
        if asked.stream:
            return _Lines(partial(endpoint.document, engine.name, asked), latest, updates)
        async with aclosing(updates):
            async for found in updates:
                latest = found
    except SteeringError as error:
        return _refused(error)
    except ClientDisconnect:
        return _GONE
    return _json(endpoint.document(engine.name, asked, latest, done=True))


def allowed(engine: Engine, visitor: str, asked: endpoint.ProgramRequest) -> Growing:
    """Yield what `endpoint.answers` does for a program that may have a run now.

    Raises:
        TooOftenError: If it has had too many.
        SteeringError: As `endpoint.answers` does.
    """
    try:
        with engine.allowance.program(visitor):
            yield from endpoint.answers(engine, asked)
    except TooOftenError:
        engine.counts.refuse()
        raise


class _Lines(Response):
    """Answers as they grow, a JSON document a line."""

    media_type = "application/x-ndjson"

    def __init__(
        self, document: Callable[..., Any], first: tuple[Answer, ...], updates: _Updates
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._document, self._first, self._updates = document, first, updates

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        async with aclosing(self._updates):
            await send(head)
            async for line in self._documents():
                body = f"{strict_json.dumps(line, ensure_ascii=True)}\n".encode()
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def _documents(self) -> AsyncIterator[dict[str, Any]]:
        latest = self._first
        yield self._document(latest, done=False)
        try:
            async for latest in self._updates:
                yield self._document(latest, done=False)
        except SteeringError as error:
            yield _refusal(error)
            return
        yield self._document(latest, done=True)


async def _updates(request: Request, growing: Growing) -> _Updates:
    """Yield answers as they grow, for as long as somebody waits for them."""
    try:
        while not await request.is_disconnected():
            found = await run_in_threadpool(next, growing, ())
            if found == ():
                return
            if found is not None:
                yield found
    finally:
        # Nobody is in it: a thread that was begun is waited for, whatever happens.
        growing.close()


async def _body(request: Request) -> bytes:
    # A page of another site can send anything but this type without being asked first.
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise SteeringError("the body is not said to be JSON; send Content-Type: application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > endpoint.MOST_BYTES:
            raise SteeringError(
                f"the body is too long; at most {endpoint.MOST_BYTES:,} bytes are read"
            )
    return body


def _code(error: SteeringError) -> int:
    if isinstance(error, (LineFullError, TooOftenError)):
        return 429
    return 503 if isinstance(error, (endpoint.NoModelError, NoGpuError)) else 400


def _refusal(error: SteeringError) -> dict[str, Any]:
    return {"error": formatting.sentence(str(error))}


def _refused(error: SteeringError) -> Response:
    code = _code(error)
    seconds = error.seconds if isinstance(error, TooOftenError) else _LINE_SECONDS
    more = {"retry-after": str(seconds)} if code == 429 else {}
    return _json(_refusal(error), code, more)


def _json(
    document: dict[str, Any], status_code: int = 200, more: Mapping[str, str] = _NO_HEADERS
) -> Response:
    text = strict_json.dumps(document, ensure_ascii=True)
    return Response(text, status_code, {"cache-control": "no-store", **more}, "application/json")
