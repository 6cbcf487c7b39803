"""What the model reads: the request in its template, with the control tokens marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui.playground.asked import Values, typed_text

_NOT_YET = "It is shown here as soon as the model is loaded: its template comes with it."
_NO_REQUEST = "Write a request to see what the model reads."


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


def sentence(words: str) -> str:
    """Return what is said where there is nothing to show."""
    return f'<p class="quiet">{escape(words)}</p>'


def shown(engine: Engine, prompt: str, system: str) -> str:
    """Return the rendered request as HTML, or a sentence that says why there is none."""
    model = engine.model
    if model is None:
        return sentence(_NOT_YET)
    if not prompt.strip():
        return sentence(_NO_REQUEST)
    try:
        check_length(prompt, system)
        pieces = model.template.reads(prompt, system)
    except SteeringError as error:
        return sentence(formatting.sentence(str(error)))
    return rendered(pieces)


def rendered(pieces: Sequence[tuple[str, bool]]) -> str:
    """Return pieces of text as HTML; those that are control tokens are marked."""
    body = "".join(
        f"<mark>{escape(piece)}</mark>" if is_control else f"<span>{escape(piece)}</span>"
        for piece, is_control in pieces
    )
    return (
        '<p class="quiet">Marked: control tokens, which the template writes and a request cannot. '
        "The answer begins behind the last sign.</p>"
        f'<pre class="reads" translate="no" dir="auto" tabindex="0">{body}</pre>'
    )


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
