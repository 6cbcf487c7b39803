"""The section *Harm is not refusal*: two axes, one map, and the visitor's own request on it.

Everything but that request comes from `harm.json`, as `python -m steering harm` writes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from steering.artifacts.harm_document import HarmDocument
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui.anatomy import harm_text, own_place
from steering.ui.anatomy.absent import absent
from steering.ui.anatomy.harm_figure import HarmMark
from steering.ui.playground.asked import Asked, Values
from steering.ui.templates import NOTHING


@dataclass(frozen=True)
class HarmSection:
    """The components of the section.

    Attributes:
        board: The map.
        numbers: What stands beside it.
        below: What stands below both.
        place: Measures the request of the Playground.
        said: What came of that.
    """

    board: gr.HTML
    numbers: gr.HTML
    below: gr.HTML
    place: gr.Button
    said: gr.HTML


def board_of(engine: Engine) -> Markup:
    """Return the map of the model that is served."""
    document = engine.harm
    return absent("harm", engine.name) if document is None else harm_text.chart(document)


def section() -> HarmSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    gr.HTML(harm_text.HARM_HEAD)
    with gr.Row(elem_id="harm-do"):
        place = gr.Button("Place my request", elem_id="harm-place", min_width=0)
        said = gr.HTML(elem_id="harm-said")
    with gr.Row(elem_id="harm-parts"):
        board = gr.HTML(elem_id="harm", min_width=0)
        numbers = gr.HTML(elem_id="harm-beside", min_width=0)
    return HarmSection(board, numbers, gr.HTML(elem_id="harm-below"), place, said)


def located(
    engine: Engine,
    asked: Asked,
    request: Any,  # noqa: ANN401
) -> tuple[HarmDocument, list[HarmMark]]:
    """Return the map that is drawn on, and where a request lies under every card that is on.

    Args:
        engine: The model, its directions and its axes.
        asked: The request and the cards.
        request: Gradio's, of the visitor.

    Raises:
        SteeringError: If there is no model or nothing measured, the model is busy, this visitor has
            asked too often, or the request or a card does not fit.
    """
    with engine.still():
        document, steerable = own_place.ready(engine, engine.harm, "the axes of harm and refusal")
    from steering.anatomy.harm_placing import place_request

    model, directions = steerable.model, steerable.directions
    check_length(asked.prompt, asked.system)
    row = model.render(asked.prompt, system=asked.system)
    chosen = asked.chosen
    edits = [setting.panel(directions).edit(directions) for setting in chosen.values()]
    with own_place.turn(engine, request):
        places = place_request(model, document["axes"], row, edits)
    marks = [
        HarmMark(slot, setting.title, *place)
        for (slot, setting), place in zip(chosen.items(), places, strict=True)
        if place is not None
    ]
    return document, marks


def placed(engine: Engine, asked: Asked, request: Any) -> own_place.Found:  # noqa: ANN401
    """Return the map with the visitor's request on it, and what is said of it; as `located`."""
    document, marks = located(engine, asked, request)
    cards = "one card" if len(marks) == 1 else f"{len(marks)} cards"
    words = f"Placed under {cards}; what that says stands below the map."
    return harm_text.chart(document, marks), words


def anew(made: HarmSection, engine: Engine) -> dict[Any, Any]:
    """Show what was measured of the present model, and no request."""
    document = engine.harm
    return {
        made.board: board_of(engine),
        made.numbers: NOTHING if document is None else harm_text.numbers(document),
        made.below: NOTHING if document is None else harm_text.below(document),
        made.said: "",
    }


def wire(
    made: HarmSection, engine: Engine, inputs: set[Any], read: Callable[[Values], Asked]
) -> None:
    """Place the visitor's request.

    Args:
        made: The components.
        engine: Knows the model, which any visitor may have changed.
        inputs: What `read` needs.
        read: Turns the values of the page into a request and cards.
    """

    def find(values: Values, request: Any) -> own_place.Found:  # noqa: ANN401
        return placed(engine, read(values), request)

    own_place.wire(made.place, [made.board, made.said], "place_harm", inputs, find)
