"""What the model reads: the request in its template, with the control tokens marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from steering import formatting
from steering.errors import SteeringError
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui.playground.asked import Values, typed_text
from steering.ui.templates import template

_NOT_YET = "It is shown here as soon as the model is loaded: its template comes with it."
_NEVER = "No model runs here, so its template is not there. Answers on this page are recorded."
_NO_REQUEST = "Write a request to see what the model reads."
_SENTENCE = template('<p class="quiet">{{ words }}</p>')
_READS = template(
    '<p class="quiet">Marked: control tokens, which the template writes and a request cannot. '
    "The answer begins behind the last sign.</p>"
    '<pre class="reads" translate="no" dir="auto" tabindex="0">'
    "{% for piece, is_control in pieces %}{% if is_control %}<mark>{{ piece }}</mark>{% else %}"
    "<span>{{ piece }}</span>{% endif %}{% endfor %}</pre>"
)


@dataclass(frozen=True)
class ReadsSection:
    """The fold and what it shows."""

    fold: gr.Accordion
    board: gr.HTML


def section() -> ReadsSection:
    """Lay out the fold; to be called inside a `gr.Blocks`."""
    with gr.Accordion("What the model reads", open=False, elem_id="reads-fold") as fold:
        board = gr.HTML(sentence(_NOT_YET), elem_id="reads")
    return ReadsSection(fold, board)


def sentence(words: str) -> Markup:
    """Return what is said where there is nothing to show."""
    return _SENTENCE(words=words)


def shown(engine: Engine, prompt: str, system: str) -> Markup:
    """Return the rendered request as HTML, or a sentence that says why there is none."""
    model = engine.model
    if model is None:
        return sentence(_NEVER if engine.status.phase == "recorded" else _NOT_YET)
    if not prompt.strip():
        return sentence(_NO_REQUEST)
    try:
        check_length(prompt, system)
        pieces = model.template.reads(prompt, system)
    except SteeringError as error:
        return sentence(formatting.sentence(str(error)))
    return rendered(pieces)


def rendered(pieces: Sequence[tuple[str, bool]]) -> Markup:
    """Return pieces of text as HTML; those that are control tokens are marked."""
    return _READS(pieces=pieces)


def wire(
    made: ReadsSection,
    engine: Engine,
    triggers: Sequence[Any],
    *,
    request: gr.Textbox,
    system: gr.Textbox,
) -> None:
    """Connect the fold.

    Args:
        made: The laid out section.
        engine: Has the model.
        triggers: What else than opening the fold shows it anew.
        request: Holds the request.
        system: Holds the system prompt.
    """

    def show(values: Values) -> str:
        return shown(engine, typed_text(values[request]), typed_text(values[system]))

    gr.on(
        [made.fold.expand, *triggers],
        show,
        inputs={request, system},
        outputs=made.board,
        trigger_mode="always_last",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
