"""The section *Other languages and wordings*: stored numbers, and the visitor's own request.

What is stored comes from `wordings.json`, as `python -m steering wordings` writes it. The request
of the Playground is placed on the English map as it is, as a role to play and as Base64: these are
made by rule, the others take a translator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from steering.artifacts.wording_document import WordingDocument
from steering.data.wordings import WORDINGS, reworded
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui.anatomy import own_place, wording_text
from steering.ui.anatomy.absent import absent
from steering.ui.anatomy.wording_map import WordedMark
from steering.ui.playground.asked import Asked, Values
from steering.ui.templates import NOTHING

BY_RULE: Final = ("en", "role", "base64")
"""Wordings that a request is put into without a person; the first is the request itself."""


@dataclass(frozen=True)
class WordingSection:
    """The components of the section.

    Attributes:
        rates: What is shown in words, and the plots; where nothing was measured, how it is.
        board: The English map.
        below: All numbers.
        place: Places the request of the Playground.
        said: What came of that.
    """

    rates: gr.HTML
    board: gr.HTML
    below: gr.HTML
    place: gr.Button
    said: gr.HTML


def section() -> WordingSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    gr.HTML(wording_text.WORDING_HEAD, elem_id="wording-head", elem_classes="anatomy-part")
    with gr.Row(elem_id="wording-do"):
        place = gr.Button("Place my request", elem_id="wording-place", min_width=0)
        said = gr.HTML(elem_id="wording-said")
    with gr.Row(elem_id="wording-parts"):
        rates = gr.HTML(elem_id="wordings", elem_classes="anatomy-part", min_width=0)
        board = gr.HTML(elem_id="wording-map", elem_classes="anatomy-part", min_width=0)
    below = gr.HTML(elem_id="wording-below", elem_classes="anatomy-part")
    return WordingSection(rates, board, below, place, said)


def anew(made: WordingSection, engine: Engine) -> dict[Any, Any]:
    """Show what was measured of the present model, and no request."""
    document = engine.wordings
    if document is None:
        shown = absent("wordings", engine.name), NOTHING, NOTHING
    else:
        shown = (
            wording_text.rates(document),
            wording_text.worded_map(document),
            wording_text.below(document),
        )
    return {**dict(zip((made.rates, made.board, made.below), shown, strict=True)), made.said: ""}


def located(
    engine: Engine,
    asked: Asked,
    request: Any,  # noqa: ANN401
) -> tuple[WordingDocument, list[WordedMark]]:
    """Return the map that is drawn on, and where a request lies in the wordings made by rule.

    Args:
        engine: The model, its directions and maps.
        asked: The request; cards are not read.
        request: Gradio's, of the visitor.

    Raises:
        SteeringError: If there is no model or nothing measured, the model is busy, this visitor has
            asked too often, or the request does not fit.
    """
    with engine.still():
        maps = engine.maps
        document, steerable = own_place.ready(engine, engine.wordings, "other wordings")
    from steering.anatomy.english_ground import EnglishGround
    from steering.maps.steerable_model import SteerableModel

    model, directions = steerable.model, steerable.directions
    check_length(asked.prompt, asked.system)
    texts = [reworded(asked.prompt, name) for name in BY_RULE]
    rows = [model.render(text, system=asked.system) for text in texts]
    ground = EnglishGround.of(SteerableModel(model, directions, maps))
    with own_place.turn(engine, request):
        read = ground.read(rows)
    marks = [
        WordedMark("its own words" if name == "en" else WORDINGS[name], along, tuple(at))
        for name, (along, *at) in zip(BY_RULE, ground.placed(read), strict=True)
    ]
    return document, marks


def placed(engine: Engine, asked: Asked, request: Any) -> own_place.Found:  # noqa: ANN401
    """Return the map with the visitor's request on it, and what is said of it; as `located`."""
    document, marks = located(engine, asked, request)
    words = f"Placed in {len(marks)} wordings; what that says stands below the map."
    return wording_text.worded_map(document, marks), words


def wire(
    made: WordingSection, engine: Engine, inputs: set[Any], read: Callable[[Values], Asked]
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

    own_place.wire(made.place, [made.board, made.said], "place_worded", inputs, find)
