"""The section *Other languages and wordings*: stored numbers, and the visitor's own request.

What is stored comes from `wordings.json`, as `python -m steering wordings` writes it. The request
of the Playground is placed on the English map as it is, as a role to play and as Base64: these are
made by rule, the others take a translator.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from steering.data.wordings import WORDINGS, reworded
from steering.errors import SteeringError
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui import own_progress
from steering.ui.anatomy import wording_text
from steering.ui.anatomy.wording_map import WordedMark
from steering.ui.playground.asked import Asked, Values

BY_RULE: Final = ("en", "role", "base64")
"""Wordings that a request is put into without a person; the first is the request itself."""
_PATIENCE_SECONDS: Final = 20.0
"""How long a placing waits for its turn, as that of the map does."""


@dataclass(frozen=True)
class WordingSection:
    """The components of the section.

    Attributes:
        board: All that is shown.
        place: Places the request of the Playground.
        said: What came of that.
        model: Name of the model that is shown to this visitor, and whether it was measured.
    """

    board: gr.HTML
    place: gr.Button
    said: gr.HTML
    model: gr.State


def board_of(engine: Engine, marks: Sequence[WordedMark] = ()) -> Markup:
    """Return the section's HTML for the model that is served."""
    document = engine.wordings
    if document is None:
        return wording_text.missing(engine.name)
    return wording_text.board(document, marks)


def _present(engine: Engine) -> str:
    return f"{engine.name} {engine.wordings is None}"


def section(engine: Engine) -> WordingSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    gr.HTML(wording_text.WORDING_HEAD, elem_id="wording-head", elem_classes="anatomy-part")
    with gr.Row(elem_id="wording-do"):
        place = gr.Button("Place my request", elem_id="wording-place", min_width=0)
        said = gr.HTML(elem_id="wording-said")
    board = gr.HTML(board_of(engine), elem_id="wordings", elem_classes="anatomy-part")
    return WordingSection(board, place, said, gr.State(_present(engine)))


def located(engine: Engine, asked: Asked) -> list[WordedMark]:
    """Return where the visitor's request lies, untouched, in the wordings that are made by rule.

    Args:
        engine: The model, its directions and maps.
        asked: The request; cards are not read.

    Raises:
        SteeringError: If there is no model or nothing measured, the model is busy, or the request
            does not fit.
    """
    with engine.still():
        document, maps = engine.wordings, engine.maps
        steerable = engine.steerable()
    if document is None:
        raise SteeringError("other wordings are not measured for this model yet")
    if steerable is None:
        raise SteeringError(
            "placing a request needs the model, which is not loaded here; the map shows what was "
            "measured before"
        )
    from steering.anatomy.english_ground import EnglishGround
    from steering.maps.steerable_model import SteerableModel

    model, directions = steerable[0].model, steerable[0].directions
    texts = [reworded(asked.prompt, name) for name in BY_RULE]
    for text in texts:
        check_length(text, asked.system)
    rows = [model.render(text, system=asked.system) for text in texts]
    ground = EnglishGround.of(SteerableModel(model, directions, maps))
    with engine.asked():
        if not engine.reading.acquire(timeout=_PATIENCE_SECONDS):
            raise SteeringError("the model is busy; try again in a moment")
        try:
            read = ground.read(rows)
        finally:
            engine.reading.release()
    return [
        WordedMark("your own words" if name == "en" else WORDINGS[name], along, tuple(at))
        for name, (along, *at) in zip(BY_RULE, ground.placed(read), strict=True)
    ]


def placed(engine: Engine, asked: Asked) -> tuple[Any, Markup]:
    """Return the board with the visitor's request on it, and what is said of it."""
    try:
        marks = located(engine, asked)
    except SteeringError as error:
        return gr.skip(), own_progress.mistake(error)
    return board_of(engine, marks), own_progress.say(wording_text.of_marks(marks))


def wire(
    made: WordingSection,
    engine: Engine,
    events: list[Callable[..., Any]],
    inputs: set[Any],
    read: Callable[[Values], Asked],
) -> None:
    """Show what was measured of the present model, and place the visitor's request.

    Args:
        made: The components.
        engine: Knows the model, which any visitor may have changed.
        events: `Blocks.load` and the like.
        inputs: What `read` needs.
        read: Turns the values of the page into a request and cards.
    """

    def refresh(shown: str) -> tuple[Any, Any, Any]:
        present = _present(engine)
        if shown == present:
            return gr.skip(), gr.skip(), gr.skip()
        return board_of(engine), "", present

    def place_worded(values: Values) -> tuple[Any, Markup]:
        return placed(engine, read(values))

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for event in events:
        told = [made.board, made.said, made.model]
        event(refresh, inputs=made.model, outputs=told, **quiet)
    made.place.click(
        place_worded, inputs=inputs, outputs=[made.board, made.said], preprocess=False, **quiet
    )
