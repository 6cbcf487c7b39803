"""Who comes in: whether a visitor may begin a run now."""

from collections.abc import Iterator
from typing import Any

from steering.serving.allowance import TooOftenError
from steering.serving.engine import Engine
from steering.ui import run_handlers
from steering.ui.layout import Page
from steering.ui.replays import Updates


def let_in(
    page: Page,
    engine: Engine,
    request: Any,  # noqa: ANN401
    running: Iterator[Updates],
) -> Iterator[Updates]:
    """Give a run's updates, or the sentence that its visitor has begun too many; it never began."""
    if engine.status.phase != "recorded":
        try:
            engine.allowance.take(engine.allowance.visitor_of(request))
        except TooOftenError as error:
            engine.counts.refuse()
            yield run_handlers.refused_note(page, error)
            return
    yield from running
