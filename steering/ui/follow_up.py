"""The tick that makes a request a follow-up: when it can be set, and what the bar shows then."""

from typing import Any

import gradio as gr

from steering.ui.layout import Page
from steering.ui.playground.asked import EndedRun, Values, typed_text
from steering.ui.playground.conversations import first_request
from steering.ui.replays import Updates
from steering.ui.request_bar import FOLLOWS, REQUEST, RUN, SEND


def wire(page: Page, quiet: Any) -> None:  # noqa: ANN401
    """Connect the tick."""
    page.follow.change(
        lambda values: turned(page, values),
        inputs={page.follow, page.request, page.inspector.answers},
        outputs=[page.run, page.request],
        preprocess=False,
        **quiet,
    )


def wire_end(page: Page, ended: Any, quiet: Any) -> None:  # noqa: ANN401
    """Let a run that has ended be followed up.

    Args:
        page: The page.
        ended: The event of such runs.
        quiet: Options of events that nobody waits for.
    """
    ended.then(
        lambda values: settled(page, values),
        inputs={page.answered, page.request},
        outputs=[page.follow, page.request],
        preprocess=False,
        **quiet,
    )


def turned(page: Page, values: Values) -> Updates:
    """Return the updates of the request bar after the tick was set, by hand or by the page."""
    typed, ended = typed_text(values[page.request]), values[page.inspector.answers]
    if not values[page.follow]:
        back = first_request(ended) if not typed.strip() else typed
        return {
            page.run: gr.update(value=RUN),
            page.request: gr.update(value=back, placeholder=REQUEST),
        }
    # What has been answered is not what comes next.
    asked = (ended.asked.prompt, first_request(ended)) if isinstance(ended, EndedRun) else ()
    return {
        page.run: gr.update(value=SEND),
        page.request: gr.update(value="" if typed in asked else typed, placeholder=FOLLOWS),
    }


def settled(page: Page, values: Values) -> Updates:
    """Return the updates of the request bar once a run has ended with its answers."""
    ended = values[page.answered]
    if not isinstance(ended, EndedRun):
        return {page.follow: gr.skip(), page.request: gr.skip()}
    # Whoever has typed on meanwhile keeps it.
    sent = ended.is_conversation and typed_text(values[page.request]) == ended.asked.prompt
    return {
        page.follow: gr.update(interactive=True),
        page.request: "" if sent else gr.skip(),
    }
