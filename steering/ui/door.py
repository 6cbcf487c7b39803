"""Who comes in: the address of a visitor, and whether they may begin a run now."""

from collections.abc import Iterator
from typing import Any

from steering.serving.allowance import Allowance, TooOftenError
from steering.serving.engine import Engine
from steering.ui import run_handlers
from steering.ui.layout import Page
from steering.ui.replays import Updates


def visitor_of(allowance: Allowance, request: Any) -> str:  # noqa: ANN401 - Starlette's or Gradio's
    """Return who asks, as the allowance counts them."""
    client = getattr(request, "client", None)
    headers = getattr(request, "headers", None) or {}
    return allowance.visitor(client.host if client else "", headers.get("x-forwarded-for", ""))


def let_in(
    page: Page,
    engine: Engine,
    request: Any,  # noqa: ANN401
    running: Iterator[Updates],
) -> Iterator[Updates]:
    """Give a run's updates, or the sentence that its visitor has begun too many; it never began."""
    if engine.status.phase != "recorded":
        try:
            engine.allowance.take(visitor_of(engine.allowance, request))
        except TooOftenError as error:
            engine.counts.refuse()
            yield run_handlers.refused_note(page, error)
            return
    yield from running
