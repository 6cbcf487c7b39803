"""A visitor's own request, read once for a map of the tab *Anatomy*."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from markupsafe import Markup

from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.ui import own_progress
from steering.ui.map import locate
from steering.ui.playground.asked import Values

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel

_Document = TypeVar("_Document")
Found = tuple[Markup, str]
"""The map with the visitor's request on it, and what is said of it."""


def ready(
    engine: Engine, document: _Document | None, what: str
) -> "tuple[_Document, SteerableModel]":
    """Return what was measured and the model, if both are there; the caller holds `still`.

    Args:
        engine: The model and its directions.
        document: What was measured of it.
        what: What an error says is not measured.

    Raises:
        SteeringError: If one of them is not there.
    """
    if document is None:
        raise SteeringError(f"{what} are not measured for what is played now")
    found = engine.steerable()
    if found is None:
        raise SteeringError(
            "placing a request needs the model, which is not loaded here; the map shows what was "
            "measured before"
        )
    return document, found[0]


@contextmanager
def turn(engine: Engine, request: Any) -> Generator[None]:  # noqa: ANN401 - Gradio's
    """Have the model for a pass of a visitor's own, before background work.

    Raises:
        SteeringError: If this visitor has asked too often, or the model is busy.
    """
    engine.allowance.take(engine.allowance.visitor_of(request))
    with locate.placing(engine) as free:
        if not free:
            raise SteeringError("the model is busy; try again in a moment")
        yield


def told(find: Callable[[], Found]) -> tuple[Any, Markup]:
    """Return what `find` shows, and what is said; a mistake is said, and leaves the map alone."""
    try:
        board, words = find()
    except SteeringError as error:
        return gr.skip(), own_progress.mistake(error)
    return board, own_progress.say(words)


def wire(
    button: gr.Button,
    outputs: Sequence[Any],
    name: str,
    inputs: set[Any],
    find: Callable[[Values, Any], Found],
) -> None:
    """Place the visitor's request at a click.

    Args:
        button: Begins.
        outputs: The map, and what is said.
        name: Of the handler.
        inputs: What `find` needs.
        find: Reads the request of the page; its second argument is Gradio's request.
    """

    def place(request: gr.Request, values: Values) -> tuple[Any, Markup]:
        return told(lambda: find(values, request))

    button.click(
        place,
        inputs=inputs,
        outputs=outputs,
        preprocess=False,
        queue=False,
        show_progress="hidden",
        api_name=name,
        api_visibility="private",
    )
